"""SIP traffic for tests, and strategies that write valid messages."""

from hypothesis import strategies as st

from switchboard_media.sip import message
from switchboard_media.sip.grammar import Params
from switchboard_media.sip.headers import CSeq, NameAddr, Via
from switchboard_media.sip.message import Headers, Request, Response
from switchboard_media.sip.uri import Uri
from tests.media.strategies import hosts, tokens

INVITE = b"""INVITE sip:+15550100@10.0.0.1:5060 SIP/2.0\r
Via: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK-1;rport\r
From: "Ann" <sip:+15551234@10.0.0.2:5062>;tag=caller\r
To: <sip:+15550100@10.0.0.1:5060>\r
Call-ID: 1-77@10.0.0.2\r
CSeq: 1 INVITE\r
Contact: <sip:ann@10.0.0.2:5062>\r
Max-Forwards: 70\r
Content-Type: application/sdp\r
Content-Length: 5\r
\r
v=0\r
"""


def request_bytes(method: str, cseq: int = 1, branch: str = "z9hG4bK-1", to_tag: str = "") -> bytes:
    """A request of the same caller in the same call."""
    tag = f";tag={to_tag}" if to_tag else ""
    return (
        f"{method} sip:+15550100@10.0.0.1:5060 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 10.0.0.2:5062;branch={branch}\r\n"
        'From: "Ann" <sip:+15551234@10.0.0.2:5062>;tag=caller\r\n'
        f"To: <sip:+15550100@10.0.0.1:5060>{tag}\r\n"
        "Call-ID: 1-77@10.0.0.2\r\n"
        f"CSeq: {cseq} {method}\r\n"
        "Contact: <sip:ann@10.0.0.2:5062>\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def as_request(data: bytes) -> Request:
    """The bytes, which must be a request."""
    parsed = message.parse(data)
    assert isinstance(parsed, Request)
    return parsed


def as_response(data: bytes) -> Response:
    """The bytes, which must be a response."""
    parsed = message.parse(data)
    assert isinstance(parsed, Response)
    return parsed


_words = st.text('abc "\\<>;,=@%é', max_size=12)
params = st.lists(
    st.tuples(tokens.map(lambda t: f"p{t}"), st.none() | tokens),
    max_size=3,
    unique_by=lambda p: p[0].lower(),
).map(lambda items: Params(tuple(items)))
sip_uris = st.builds(
    Uri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.text('+0123456789abc.-_ %@:;?"<>é', max_size=16),
    host=hosts | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda a: f"[{a}]"),
    port=st.none() | st.integers(0, 65_535),
    params=params,
)
name_addrs = st.builds(NameAddr, uri=sip_uris, display_name=_words.map(str.strip), params=params)
vias = st.builds(
    Via,
    transport=st.sampled_from(["UDP", "TCP", "TLS"]),
    host=hosts | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda a: f"[{a}]"),
    port=st.none() | st.integers(1, 65_535),
    params=params,
)
cseqs = st.builds(CSeq, number=st.integers(0, (1 << 31) - 1), method=tokens)
_others = st.lists(
    st.tuples(tokens.map(lambda t: f"X-{t}"), st.text('ab ,;:"<é', max_size=12).map(str.strip)),
    max_size=3,
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any valid request."""
    cseq = draw(cseqs)
    headers = (
        ("Via", ", ".join(str(via) for via in draw(st.lists(vias, min_size=1, max_size=3)))),
        ("From", str(draw(name_addrs).with_tag("caller"))),
        ("To", str(draw(name_addrs))),
        ("Call-ID", draw(tokens)),
        ("CSeq", str(cseq)),
        ("Contact", str(draw(name_addrs))),
        *draw(_others),
    )
    return Request(cseq.method, str(draw(sip_uris)), Headers(headers), draw(st.binary(max_size=40)))
