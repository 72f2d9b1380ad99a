import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media import sdp
from switchboard_media.codec import CODECS, G722, PCMA, PCMU, Codec
from switchboard_media.errors import MalformedSdp
from switchboard_media.sdp import Direction, SessionDescription
from switchboard_media.sdp_audio import (
    AudioAnswer,
    AudioSession,
    NoCommonAudio,
    RtpAddress,
    answer_audio,
    offer_audio,
    read_answer,
)
from tests.media.strategies import descriptions
from tests.media.test_sdp import SIPP_OFFER

LOCAL = RtpAddress("10.0.0.1", 10_000)
REMOTE = RtpAddress("10.0.0.2", 6000)


def answered(body: bytes, *codecs: Codec) -> AudioAnswer:
    return answer_audio(sdp.parse(body), local=LOCAL, session_id=7, codecs=codecs or CODECS)


def test_an_answer_speaks_the_callers_first_codec_and_keys() -> None:
    answer = answered(SIPP_OFFER)
    assert sdp.serialize(answer.description).decode().splitlines() == [
        "v=0",
        "o=- 7 0 IN IP4 10.0.0.1",
        "s=-",
        "c=IN IP4 10.0.0.1",
        "t=0 0",
        "m=audio 10000 RTP/AVP 9 101",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=recvonly",
    ]
    assert answer.session == AudioSession(
        remote=REMOTE,
        codec=G722,
        payload_type=9,
        event_payload_type=101,
        direction=Direction.RECVONLY,
    )


def test_a_codec_that_is_switched_off_here_is_passed_over() -> None:
    assert answered(SIPP_OFFER, PCMA, PCMU).session.codec is PCMU


def test_a_dynamic_number_for_a_known_codec_is_kept() -> None:
    body = SIPP_OFFER.replace(b"9 0 8 101", b"96 101").replace(b"rtpmap:0", b"rtpmap:96")
    session = answered(body).session
    assert (session.codec, session.payload_type) == (PCMU, 96)


def test_a_static_number_given_another_meaning_has_that_meaning() -> None:
    body = SIPP_OFFER.replace(b"rtpmap:0 PCMU/8000", b"rtpmap:9 L16/44100/2")
    assert answered(body).session.codec is PCMU


def test_keys_are_left_out_where_the_caller_sends_none_or_on_another_clock() -> None:
    none = SIPP_OFFER.replace(b"a=rtpmap:101", b"a=x:101")
    wide = SIPP_OFFER.replace(b"telephone-event/8000", b"telephone-event/48000")
    for body in (none, wide):
        answer = answered(body)
        assert answer.session.event_payload_type is None
        assert answer.description.media[0].formats == ("9",)


def test_other_streams_are_refused_in_their_places() -> None:
    body = (
        SIPP_OFFER.replace(b"m=audio", b"m=video 7000 RTP/AVP 96\r\nm=audio", 1)
        + b"m=audio 8000 RTP/AVP 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    )
    media = answered(body).description.media
    assert [(m.kind, m.port) for m in media] == [
        ("video", 0),
        ("audio", 10_000),
        ("audio", 0),
        ("application", 0),
    ]
    assert media[3].protocol == "UDP/DTLS/SCTP"


@pytest.mark.parametrize(
    "body",
    [
        SIPP_OFFER.replace(b"9 0 8 101", b"18 101"),
        SIPP_OFFER.replace(b"m=audio 6000", b"m=audio 0"),
        SIPP_OFFER.replace(b"RTP/AVP", b"RTP/SAVP"),
        SIPP_OFFER.replace(b"m=audio", b"m=video"),
        SIPP_OFFER[: SIPP_OFFER.index(b"m=")],
    ],
    ids=["codec", "ended", "encrypted", "video", "no media"],
)
def test_nothing_in_common_is_said_so(body: bytes) -> None:
    with pytest.raises(NoCommonAudio):
        answered(body)


def test_a_stream_without_an_address_is_malformed() -> None:
    with pytest.raises(MalformedSdp, match="c="):
        answered(SIPP_OFFER.replace(b"c=IN IP4 10.0.0.2\r\n", b""))


@pytest.mark.parametrize(
    ("change", "may_send"),
    [
        ((b"a=sendonly", b"a=sendrecv"), True),
        ((b"a=sendonly", b"a=recvonly"), True),
        ((b"a=sendonly", b"a=sendonly"), False),
        ((b"a=sendonly", b"a=inactive"), False),
        ((b"c=IN IP4 10.0.0.2\r\n", b"c=IN IP4 0.0.0.0\r\n"), False),
    ],
)
def test_hold_in_both_forms_stops_sending(change: tuple[bytes, bytes], may_send: bool) -> None:
    body = SIPP_OFFER.replace(*change)
    if change[0].startswith(b"c="):
        body = body.replace(b"a=sendonly", b"a=sendrecv")
    assert answered(body).session.may_send is may_send


@given(
    st.lists(st.sampled_from(CODECS), min_size=1, unique=True),
    st.lists(st.sampled_from(CODECS), min_size=1, unique=True),
    st.sampled_from(Direction),
)
def test_both_sides_agree_on_what_was_agreed(
    ours: list[Codec], theirs: list[Codec], direction: Direction
) -> None:
    offer = offer_audio(local=REMOTE, session_id=1, codecs=ours, direction=direction)
    common = [codec for codec in ours if codec in theirs]
    if not common:
        with pytest.raises(NoCommonAudio):
            answer_audio(offer, local=LOCAL, session_id=2, codecs=theirs)
        return
    answer = answer_audio(offer, local=LOCAL, session_id=2, codecs=theirs)
    caller = read_answer(sdp.parse(sdp.serialize(answer.description)), ours)
    called = answer.session
    assert caller.codec is called.codec is common[0]
    assert caller.payload_type == called.payload_type
    assert caller.event_payload_type == called.event_payload_type == 101
    assert (caller.remote, called.remote) == (LOCAL, REMOTE)
    assert caller.direction.mirrored == called.direction


def test_a_refused_offer_is_told_to_the_caller() -> None:
    offer = offer_audio(local=LOCAL, session_id=1)
    refused = SessionDescription("10.0.0.2", (), address="10.0.0.2")
    with pytest.raises(NoCommonAudio):
        read_answer(refused)
    with pytest.raises(NoCommonAudio):
        read_answer(sdp.parse(sdp.serialize(offer).replace(b"10000", b"0")))


@given(descriptions)
def test_any_offer_is_answered_or_refused_for_a_documented_reason(
    offer: SessionDescription,
) -> None:
    try:
        answer = answer_audio(offer, local=LOCAL, session_id=1)
    except (NoCommonAudio, MalformedSdp):
        return
    assert len(answer.description.media) == len(offer.media)
    assert sdp.parse(sdp.serialize(answer.description)) == answer.description
