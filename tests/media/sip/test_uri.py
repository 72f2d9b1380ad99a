import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.grammar import Params
from switchboard_media.sip.uri import Uri, parse_host_port, parse_uri
from tests.media.sip.messages import sip_uris


@given(sip_uris)
def test_uris_round_trip(uri: Uri) -> None:
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:+15550100@10.0.0.1", Uri("sip", "+15550100", "10.0.0.1")),
        ("sip:alice:secret@a.com:5070", Uri("sip", "alice", "a.com", 5070)),
        ("SIPS:[fd00::1]:5061", Uri("sips", "", "[fd00::1]", 5061)),
        (
            "sip:%2b1555@a;transport=udp?Subject=x",
            Uri("sip", "+1555", "a", None, Params((("transport", "udp"),)), "Subject=x"),
        ),
        (
            "tel:+1-555;phone-context=a.com",
            Uri("tel", "+1-555", params=Params((("phone-context", "a.com"),))),
        ),
    ],
)
def test_each_kind_of_uri_is_read(text: str, expected: Uri) -> None:
    assert parse_uri(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "10.0.0.1",
        "http://a.com",
        "sip:@a.com",
        "sip:a@",
        "sip:a@b:",
        "sip:a@b:x",
        "sip:a@b:70000",
        "sip:a@b c",
        "sip:a@[::1",
        "sip:a@[::1]x",
        "sip:a@-b",
        "tel:",
        "sip:a@b\r\nX: y",
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_uri(text)


def test_a_missing_port_means_that_of_the_scheme() -> None:
    ports = [parse_uri(t).effective_port for t in ("sip:a", "sips:a", "sip:a:5070")]
    assert ports == [5060, 5061, 5070]


@given(st.text(max_size=60).map(lambda rest: f"sip:{rest}"))
def test_any_text_is_a_uri_or_the_documented_error(text: str) -> None:
    try:
        parsed = parse_uri(text)
    except MalformedMessage:
        return
    assert parse_uri(str(parsed)) == parsed


@given(st.text("[]:.0123456789abcdefg-", max_size=30))
def test_any_text_is_a_host_or_the_documented_error(text: str) -> None:
    try:
        host, port = parse_host_port(text)
    except MalformedMessage:
        return
    assert host
    assert port is None or 0 <= port <= 65_535
