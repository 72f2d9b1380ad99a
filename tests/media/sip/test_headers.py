from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.headers import (
    CSeq,
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_via,
)
from tests.media.sip.messages import cseqs, name_addrs, vias
from tests.media.strategies import survives


@given(name_addrs)
def test_names_with_addresses_round_trip(made: NameAddr) -> None:
    assert parse_name_addr(str(made)) == made


@given(vias)
def test_vias_round_trip(made: Via) -> None:
    assert parse_via(str(made)) == made


@given(cseqs)
def test_cseqs_round_trip(made: CSeq) -> None:
    assert parse_cseq(str(made)) == made


def test_parameters_of_a_bare_uri_belong_to_the_header() -> None:
    """RFC 3261 section 20: without angle brackets a tag is the header's, not the URI's."""
    bare = parse_name_addr("sip:a@b.com;tag=1")
    bracketed = parse_name_addr("A B <sip:a@b.com;tag=1>")
    assert (bare.tag, str(bare.uri)) == ("1", "sip:a@b.com")
    assert (bracketed.tag, bracketed.display_name) == (None, "A B")


def test_an_instance_id_in_a_contact_is_read() -> None:
    contact = parse_name_addr('<sip:a@b;transport=udp>;+sip.instance="<urn:uuid:0>";expires=60')
    assert contact.params.get("+sip.instance") == '"<urn:uuid:0>"'
    assert contact.params.get("expires") == "60"


def test_a_name_may_hold_what_else_ends_it() -> None:
    assert parse_name_addr('"a <b>, \\"c\\"" <sip:x@y>;tag=1').display_name == 'a <b>, "c"'


def test_a_via_may_hold_spaces_where_the_grammar_allows() -> None:
    via = parse_via("SIP / 2.0 / udp first.example.com:4000 ;ttl=16 ;branch=z9hG4bKa7c6a8d9")
    assert (via.transport, via.sent_by, via.branch) == (
        "UDP",
        "first.example.com:4000",
        "z9hG4bKa7c6a8d9",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK1", ("10.0.0.9", 5062)),
        ("SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1", ("10.0.0.9", 5060)),
        ("SIP/2.0/UDP 10.0.0.2:5062;rport;branch=z9hG4bK1", ("10.0.0.9", 4444)),
        ("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK1", ("10.0.0.9", 5062)),
        ("SIP/2.0/UDP [fd00::1]:5062;branch=z9hG4bK1", ("10.0.0.9", 5062)),
        ("SIP/2.0/UDP 10.0.0.9:5062;maddr=192.0.2.1;branch=z9hG4bK1", ("10.0.0.9", 5062)),
    ],
)
def test_responses_go_where_rfc_3581_sends_them(value: str, expected: tuple[str, int]) -> None:
    assert parse_via(value).seen_from("10.0.0.9", 4444).reply_to == expected


def test_a_via_that_tells_the_truth_gets_no_received() -> None:
    value = "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK1"
    assert str(parse_via(value).seen_from("10.0.0.9", 5062)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/1.0/UDP a",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a;rport=x",
        "SIP/2.0/UDP a:0x1",
    ],
)
def test_broken_vias_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_via(text)


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE 1", "-1 INVITE", "2147483648 BYE", "1 A B", "1 <"]
)
def test_broken_cseqs_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_cseq(text)


@pytest.mark.parametrize(
    "text", ["", "<sip:a@b", "<>", "sip:a@b>", "<sip:a@b> <sip:c@d>", '"a <sip:b>']
)
def test_broken_addresses_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_name_addr(text)


@given(st.text(max_size=40), st.sampled_from([parse_name_addr, parse_via, parse_cseq]))
def test_any_text_is_a_header_or_the_documented_error(
    text: str, parse: Callable[[str], object]
) -> None:
    survives(parse, text, MalformedMessage)
