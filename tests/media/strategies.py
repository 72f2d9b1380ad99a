"""Valid things of every wire format, and the ways a stranger may spoil them."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import strategies as st

from switchboard_media.errors import Malformed
from switchboard_media.rtp import RtpExtension, RtpPacket
from switchboard_media.sdp import Direction, Media, RtpMap, SessionDescription

_Text = TypeVar("_Text", bytes, str)

uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
tokens = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1)
hosts = st.from_regex(r"[a-z]([a-z0-9]{0,10}[a-z0-9])?(\.[a-z]{1,5})?", fullmatch=True)
addresses = st.ip_addresses().map(str)

extensions = st.builds(
    RtpExtension,
    profile=uint16,
    data=st.integers(0, 4).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)),
)
rtp_packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=uint16,
    timestamp=uint32,
    ssrc=uint32,
    payload=st.binary(max_size=200),
    marker=st.booleans(),
    csrcs=st.lists(uint32, max_size=15).map(tuple),
    extension=st.none() | extensions,
    padding_bytes=st.integers(0, 255),
)

directions = st.none() | st.sampled_from(Direction)
rtpmaps = st.builds(
    RtpMap,
    payload_type=st.integers(0, 127),
    encoding=tokens,
    clock_rate_hz=st.integers(1, 192_000),
    channels=st.integers(1, 8),
)
_unknown_attributes = st.tuples(
    st.sampled_from(["rtcp-mux", "setup", "x-tool", "candidate"]),
    st.none() | st.text("abc 123:/", max_size=20),
)
media_sections = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video", "application"]),
    port=uint16,
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"]),
    formats=st.lists(st.integers(0, 127).map(str), min_size=1, max_size=8).map(tuple),
    address=st.none() | addresses,
    direction=directions,
    rtpmaps=st.lists(rtpmaps, max_size=4).map(tuple),
    fmtp=st.lists(st.tuples(st.integers(0, 127), tokens), max_size=2).map(tuple),
    ptime_ms=st.none() | st.integers(0, 200),
    attributes=st.lists(_unknown_attributes, max_size=3).map(tuple),
)
descriptions = st.builds(
    SessionDescription,
    origin_address=addresses,
    media=st.lists(media_sections, max_size=4).map(tuple),
    session_id=st.integers(0, 1 << 62),
    session_version=st.integers(0, 1 << 62),
    username=tokens,
    name=tokens,
    address=st.none() | addresses,
    direction=directions,
    attributes=st.lists(_unknown_attributes, max_size=3).map(tuple),
)


@st.composite
def spoiled(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """A valid message with bytes changed, cut out, doubled or put in."""
    data = bytearray(draw(valid))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        width = draw(st.integers(0, 8))
        junk = draw(
            st.binary(max_size=6)
            | st.sampled_from(
                [b"\r\n", b"\r\n\r\n", b"\0", b'"', b"<", b";", b",", b":", b"%", b"="]
            )
        )
        data[at : at + width] = junk
    return bytes(data)


def survives(parse: Callable[[_Text], object], data: _Text, error: type[Malformed]) -> bool:
    """Whether the parser took it; anything but the documented error fails the test."""
    try:
        parse(data)
    except Malformed as refusal:
        if type(refusal) is not error:
            pytest.fail(f"{type(refusal).__name__} where {error.__name__} was promised")
        return False
    return True
