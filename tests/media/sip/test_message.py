import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip import message
from switchboard_media.sip.message import Headers, Request, Response
from tests.media.sip.messages import INVITE, as_request, as_response, requests
from tests.media.strategies import spoiled, survives


def test_an_invite_is_read_field_by_field() -> None:
    invite = as_request(INVITE)
    assert (invite.method, invite.uri) == ("INVITE", "sip:+15550100@10.0.0.1:5060")
    assert (invite.call_id, str(invite.cseq)) == ("1-77@10.0.0.2", "1 INVITE")
    assert (invite.sender.display_name, invite.sender.tag) == ("Ann", "caller")
    assert (invite.recipient.uri.user, invite.recipient.tag) == ("+15550100", None)
    assert invite.via.branch == "z9hG4bK-1"
    assert invite.contact is not None
    assert invite.contact.uri.port == 5062
    assert (invite.content_type, invite.body) == ("application/sdp", b"v=0\r\n")


def test_what_is_parsed_is_written_the_same() -> None:
    assert bytes(message.parse(INVITE)) == INVITE


@given(requests())
def test_requests_round_trip(request: Request) -> None:
    parsed = as_request(bytes(request))
    assert (parsed.method, parsed.uri, parsed.body) == (request.method, request.uri, request.body)
    assert parsed.headers.without("Content-Length") == request.headers
    assert parsed.vias == request.vias
    assert parsed.contact == request.contact


@given(requests(), st.integers(100, 699), st.text("ab é", max_size=10).map(str.strip))
def test_responses_round_trip(request: Request, status: int, reason: str) -> None:
    response = Response(status, reason, request.headers, b"body")
    parsed = as_response(bytes(response))
    assert (parsed.status, parsed.reason, parsed.body) == (status, reason, b"body")
    assert parsed.success == (200 <= status < 300)
    assert parsed.final == (status >= 200)


@pytest.mark.parametrize(
    ("status", "final", "success"),
    [
        (100, False, False),
        (199, False, False),
        (200, True, True),
        (299, True, True),
        (300, True, False),
    ],
)
def test_classes_of_status_have_their_borders(status: int, final: bool, success: bool) -> None:
    response = Response(status, "Words", Headers())
    assert (response.final, response.success) == (final, success)


def test_compact_names_are_long_ones() -> None:
    compact = INVITE
    for long, short in [
        ("Via", "v"),
        ("From", "f"),
        ("To", "t"),
        ("Call-ID", "i"),
        ("Contact", "m"),
    ]:
        compact = compact.replace(f"\r\n{long}:".encode(), f"\r\n{short} :".encode())
    compact = compact.replace(b"Content-Length", b"l").replace(b"Content-Type", b"c")
    assert message.parse(compact) == message.parse(INVITE)
    assert as_request(INVITE).headers.get("f") == as_request(INVITE).headers.get("FROM")


def test_folded_lines_are_joined() -> None:
    folded = INVITE.replace(b";branch", b"\r\n ;branch").replace(b'"Ann" ', b'"Ann"\r\n\t')
    parsed = as_request(folded)
    assert parsed.via.branch == "z9hG4bK-1"
    assert parsed.sender.display_name == "Ann"


def test_several_values_in_one_line_and_several_lines_are_one_list() -> None:
    data = INVITE.replace(
        b"From:",
        b"Via: SIP/2.0/UDP b;branch=2, SIP/2.0/UDP c;branch=3\r\nAllow: INVITE, ACK\r\nFrom:",
    )
    parsed = as_request(data)
    assert [via.host for via in parsed.vias] == ["10.0.0.2", "b", "c"]
    assert parsed.headers.values("allow") == ("INVITE", "ACK")
    assert len(parsed.headers.lines("via")) == 2


def test_commas_in_headers_that_are_no_lists_do_not_separate() -> None:
    parsed = as_request(INVITE.replace(b"Max-", b'Authorization: Digest a="1", b="2"\r\nMax-'))
    assert parsed.headers.values("Authorization") == ('Digest a="1", b="2"',)


def test_lines_may_end_without_carriage_return_and_follow_empty_ones() -> None:
    bare = INVITE.replace(b"\r\n", b"\n").replace(b"Content-Length: 5", b"Content-Length: 4")
    assert as_request(b"\r\n\r\n" + bare).headers == as_request(bare).headers
    assert as_request(bare).body == b"v=0\n"


def test_what_follows_content_length_is_cut_and_without_it_the_datagram_is_the_body() -> None:
    assert as_request(INVITE + b"more").body == b"v=0\r\n"
    whole = INVITE.replace(b"Content-Length: 5\r\n", b"") + b"more"
    assert as_request(whole).body == b"v=0\r\nmore"


def test_the_source_of_a_request_is_marked_in_its_nearest_via_only() -> None:
    data = INVITE.replace(b"From:", b"Via: SIP/2.0/UDP b;branch=2;rport\r\nFrom:")
    marked = message.received_from(as_request(data), "192.0.2.7", 1024)
    assert marked.vias[0].reply_to == ("192.0.2.7", 1024)
    assert marked.vias[1].params.get("received") is None
    assert as_request(bytes(marked)).vias == marked.vias


def test_headers_are_replaced_in_place_removed_and_added() -> None:
    headers = Headers((("Via", "a"), ("via", "b"), ("To", "c")))
    assert headers.having("v", "z").items == (("Via", "z"), ("To", "c"))
    assert headers.having("Subject", "s").items[-1] == ("Subject", "s")
    assert headers.without("V").plus([("X", "y")]).items == (("To", "c"), ("X", "y"))
    assert "t" in headers
    assert "f" not in headers


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", "start line"),
        (b"INVITE sip:+15550100@10.0.0.1:5060 ", b"INVITE ", "start line"),
        (b"INVITE sip", b"INV<>ITE sip", "start line"),
        (b"INVITE sip:+15550100@10.0.0.1:5060 SIP/2.0", b"SIP/2.0 99 Low", "status"),
        (b"INVITE sip:+15550100@10.0.0.1:5060 SIP/2.0", b"SIP/2.0 OK", "status"),
        (b"From:", b"X-From:", "From must"),
        (b"To:", b"From:", "must stand exactly once"),
        (b"Via:", b"X-Via:", "no Via"),
        (b"Via: SIP/2.0/UDP", b"Via: ,", "Via"),
        (b"Call-ID: 1-77@10.0.0.2", b"Call-ID: ", "Call-ID"),
        (b"Call-ID: 1-77@10.0.0.2", b"Call-ID: a b", "Call-ID"),
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE", "another method"),
        (b"Content-Length: 5", b"Content-Length: 6", "shorter"),
        (b"Content-Length: 5", b"Content-Length: -5", "Content-Length"),
        (b"Content-Length: 5", b"Content-Length: 5\r\nl: 4", "two different"),
        (b"Max-Forwards: 70", b"Max-Forwards 70", "name: value"),
        (b"Max-Forwards: 70", b"Sub ject: 70", "name: value"),
        (b"Max-Forwards: 70", b"Subject: a\0b", "control"),
        (b"Max-Forwards: 70", b"Subject: a\rb", "control"),
        (b"Max-Forwards: 70", b"Subject: \xff", "UTF-8"),
        (b"Max-Forwards: 70", b"Subject: " + b"x" * message.MAX_LINE, "longer"),
        (b"Max-Forwards: 70", b"\r\n".join([b"A: b"] * 201), "more than"),
        (b"\r\nVia", b"\r\n folded\r\nVia", "continuation"),
        (b"\r\n\r\nv=0\r\n", b"\r\n", "do not end"),
        (b"v=0\r\n", b"x" * message.MAX_BYTES, "larger"),
    ],
)
def test_each_fault_has_its_reason(old: bytes, new: bytes, reason: str) -> None:
    assert old in INVITE
    with pytest.raises(MalformedMessage, match=reason):
        message.parse(INVITE.replace(old, new, 1))


@given(st.binary(max_size=300) | spoiled(requests().map(bytes) | st.just(INVITE)))
def test_any_bytes_are_a_message_or_the_documented_error(data: bytes) -> None:
    survives(message.parse, data, MalformedMessage)


@given(spoiled(requests().map(bytes) | st.just(INVITE)))
def test_what_was_parsed_can_be_read_and_written_without_a_guard(data: bytes) -> None:
    if not survives(message.parse, data, MalformedMessage):
        return
    parsed = message.parse(data)
    assert parsed.vias[0] == parsed.via
    assert parsed.cseq.number >= 0
    assert parsed.call_id
    assert parsed.via.seen_from("192.0.2.1", 5060).reply_to[1] <= 65_535
    assert parsed.sender.uri.scheme in {"sip", "sips", "tel"}
    assert message.parse(bytes(parsed)).call_id == parsed.call_id


def test_no_truncation_passes_for_the_whole() -> None:
    for size in range(len(INVITE)):
        assert not survives(message.parse, INVITE[:size], MalformedMessage)


def test_a_header_with_a_line_break_is_never_written() -> None:
    invite = as_request(INVITE)
    split = Request(
        "INVITE", invite.uri, invite.headers.having("X-Name", "a\r\nContact: <sip:evil>")
    )
    with pytest.raises(ValueError, match="control character"):
        bytes(split)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0\0\0\0"])
def test_keepalives_are_told_apart(data: bytes) -> None:
    assert message.is_keepalive(data)
    assert not message.is_keepalive(INVITE)
