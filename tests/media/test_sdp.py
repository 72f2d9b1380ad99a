import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media import sdp
from switchboard_media.errors import MalformedSdp
from switchboard_media.sdp import Direction, Media, RtpMap, SessionDescription
from tests.media.strategies import descriptions, spoiled, survives

SIPP_OFFER = b"""v=0\r
o=user1 53655765 2353687637 IN IP4 10.0.0.2\r
s=-\r
i=ignored\r
c=IN IP4 10.0.0.2\r
b=AS:64\r
t=0 0\r
m=audio 6000 RTP/AVP 9 0 8 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-11,16\r
a=ptime:20\r
a=sendonly\r
a=rtcp:6001\r
"""


def test_a_real_offer_is_read_field_by_field() -> None:
    assert sdp.parse(SIPP_OFFER) == SessionDescription(
        origin_address="10.0.0.2",
        session_id=53655765,
        session_version=2353687637,
        username="user1",
        address="10.0.0.2",
        media=(
            Media(
                kind="audio",
                port=6000,
                formats=("9", "0", "8", "101"),
                direction=Direction.SENDONLY,
                rtpmaps=(RtpMap(0, "PCMU", 8000), RtpMap(101, "telephone-event", 8000)),
                fmtp=((101, "0-11,16"),),
                ptime_ms=20,
                attributes=(("rtcp", "6001"),),
            ),
        ),
    )


@given(descriptions)
def test_descriptions_round_trip(description: SessionDescription) -> None:
    assert sdp.parse(sdp.serialize(description)) == description


def test_the_connection_of_a_stream_wins_over_that_of_the_session() -> None:
    body = SIPP_OFFER.replace(b"a=ptime", b"c=IN IP6 fd00::1\r\na=ptime")
    description = sdp.parse(body)
    assert description.address_of(description.media[0]) == "fd00::1"
    plain = sdp.parse(SIPP_OFFER)
    assert plain.address_of(plain.media[0]) == "10.0.0.2"


def test_the_direction_of_a_stream_wins_and_sendrecv_is_meant_where_none_stands() -> None:
    silent = SIPP_OFFER.replace(b"a=sendonly\r\n", b"")
    held = silent.replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n")
    both = SIPP_OFFER.replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n")
    seen = [(d := sdp.parse(body)).direction_of(d.media[0]) for body in (silent, held, both)]
    assert seen == [Direction.SENDRECV, Direction.INACTIVE, Direction.SENDONLY]


def test_directions_are_seen_from_the_other_side_mirrored() -> None:
    assert [d.mirrored for d in Direction] == ["sendrecv", "recvonly", "sendonly", "inactive"]
    assert [(d.sends, d.receives) for d in Direction] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_any_line_ending_is_read(ending: bytes) -> None:
    assert sdp.parse(SIPP_OFFER.replace(b"\r\n", ending)) == sdp.parse(SIPP_OFFER)


def test_a_port_count_and_a_multicast_scope_are_read_over() -> None:
    body = SIPP_OFFER.replace(b"6000 ", b"6000/2 ").replace(
        b"c=IN IP4 10.0.0.2", b"c=IN IP4 224.2.1.1/127"
    )
    description = sdp.parse(body)
    assert (description.media[0].port, description.address) == (6000, "224.2.1.1")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"v=0", b"v=1", "v=0"),
        (b"o=", b"x=", "no o="),
        (b"IN IP4 10.0.0.2\r\ns", b"IN IP4\r\ns", "six fields"),
        (b"c=IN IP4", b"c=ATM IP4", "c= is not"),
        (b"c=IN IP4 10.0.0.2", b"c=IN IP4 <script>", "address"),
        (b"m=audio 6000", b"m=audio 66000", "m="),
        (b"m=audio 6000", b"m=audio -1", "m="),
        (b"9 0 8 101", b"", "format"),
        (b"rtpmap:0 PCMU/8000", b"rtpmap:128 PCMU/8000", "rtpmap"),
        (b"rtpmap:0 PCMU/8000", b"rtpmap:0 PCMU", "rtpmap"),
        (b"ptime:20", b"ptime:fast", "ptime"),
        (b"a=sendonly", b"sendonly", "x=value"),
        (b"a=sendonly", b"a=:", "no name"),
        (b"i=ignored", b"i=\xff", "UTF-8"),
        (b"i=ignored", b"i=\0", "NUL"),
        (b"i=ignored", b"i=" + b"x" * sdp.MAX_BYTES, "larger"),
        (b"m=audio", b"m=audio 1 RTP/AVP 0\r\n" * 40 + b"m=audio", "more than"),
    ],
)
def test_each_fault_has_its_reason(old: bytes, new: bytes, reason: str) -> None:
    assert old in SIPP_OFFER
    with pytest.raises(MalformedSdp, match=reason):
        sdp.parse(SIPP_OFFER.replace(old, new))


@given(st.binary(max_size=200) | spoiled(descriptions.map(sdp.serialize) | st.just(SIPP_OFFER)))
def test_any_bytes_are_a_description_or_the_documented_error(body: bytes) -> None:
    survives(sdp.parse, body, MalformedSdp)


def test_every_truncation_is_a_description_or_the_documented_error() -> None:
    taken = [survives(sdp.parse, SIPP_OFFER[:n], MalformedSdp) for n in range(len(SIPP_OFFER))]
    assert not any(taken[: SIPP_OFFER.index(b"\r\ns=") - 12])
    assert taken[-1]
