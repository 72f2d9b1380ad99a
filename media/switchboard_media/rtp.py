"""RTP packets of RFC 3550 section 5.1: parse and serialize.

This runs fifty times a second for each direction of each call, so the fixed header is one
`struct` call and the payload is copied once. Anything else (CSRC list, header extension,
padding) is decoded only where its bit is set. `parse` raises `MalformedPacket` and nothing else.
"""

import struct
from dataclasses import dataclass
from typing import Final

from switchboard_media.errors import MalformedPacket

RTP_VERSION: Final = 2
HEADER_BYTES: Final = 12
MAX_CSRCS: Final = 15
MAX_PADDING_BYTES: Final = 255
SEQUENCE_MODULUS: Final = 1 << 16
TIMESTAMP_MODULUS: Final = 1 << 32

_HEADER: Final = struct.Struct("!BBHII")
_EXTENSION: Final = struct.Struct("!HH")
_VERSION_BITS: Final = RTP_VERSION << 6
_PADDING_BIT: Final = 0x20
_EXTENSION_BIT: Final = 0x10
_MARKER_BIT: Final = 0x80
_FIRST_RTCP_TYPE: Final = 192
_LAST_RTCP_TYPE: Final = 223


@dataclass(frozen=True, slots=True)
class RtpExtension:
    """One header extension, its meaning fixed by `profile`."""

    profile: int
    data: bytes
    """Length is a multiple of four."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet, padding already taken off the payload."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: RtpExtension | None = None
    padding_bytes: int = 0
    """Octets of padding after the payload, the count octet included."""


def looks_like_rtcp(data: bytes) -> bool:
    """Whether a datagram on a shared port is RTCP (RFC 5761 section 4)."""
    return len(data) > 1 and _FIRST_RTCP_TYPE <= data[1] <= _LAST_RTCP_TYPE


def parse(data: bytes) -> RtpPacket:
    """One datagram as a packet."""
    size = len(data)
    if size < HEADER_BYTES:
        raise MalformedPacket("shorter than the RTP header")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != RTP_VERSION:
        raise MalformedPacket("not RTP version 2")
    if first == _VERSION_BITS:
        return RtpPacket(
            second & 0x7F, sequence, timestamp, ssrc, data[HEADER_BYTES:], second >= _MARKER_BIT
        )
    start = HEADER_BYTES
    csrcs: tuple[int, ...] = ()
    if csrc_count := first & 0x0F:
        csrcs = _csrcs(data, csrc_count)
        start += 4 * csrc_count
    extension = None
    if first & _EXTENSION_BIT:
        extension = _extension(data, start)
        start += _EXTENSION.size + len(extension.data)
    padding = _padding(data, start) if first & _PADDING_BIT else 0
    return RtpPacket(
        payload_type=second & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=data[start : size - padding],
        marker=second >= _MARKER_BIT,
        csrcs=csrcs,
        extension=extension,
        padding_bytes=padding,
    )


def _csrcs(data: bytes, count: int) -> tuple[int, ...]:
    if len(data) < HEADER_BYTES + 4 * count:
        raise MalformedPacket("CSRC list is cut off")
    return struct.unpack_from(f"!{count}I", data, HEADER_BYTES)


def _extension(data: bytes, start: int) -> RtpExtension:
    body = start + _EXTENSION.size
    if len(data) < body:
        raise MalformedPacket("extension header is cut off")
    profile, words = _EXTENSION.unpack_from(data, start)
    if len(data) < body + 4 * words:
        raise MalformedPacket("extension is cut off")
    return RtpExtension(profile, data[body : body + 4 * words])


def _padding(data: bytes, start: int) -> int:
    padding = data[-1]
    if not 0 < padding <= len(data) - start:
        raise MalformedPacket("padding count does not fit the packet")
    return padding


def serialize(packet: RtpPacket) -> bytes:
    """The packet as a datagram. Values out of range are a caller's fault: `ValueError`."""
    _check(packet)
    first = _VERSION_BITS
    middle = b""
    if packet.csrcs:
        first |= len(packet.csrcs)
        middle = struct.pack(f"!{len(packet.csrcs)}I", *packet.csrcs)
    if packet.extension is not None:
        first |= _EXTENSION_BIT
        data = packet.extension.data
        middle += _EXTENSION.pack(packet.extension.profile, len(data) // 4) + data
    end = b""
    if packet.padding_bytes:
        first |= _PADDING_BIT
        end = bytes(packet.padding_bytes - 1) + bytes((packet.padding_bytes,))
    second = packet.payload_type | (_MARKER_BIT if packet.marker else 0)
    header = _HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)
    return header + middle + packet.payload + end


def _check(packet: RtpPacket) -> None:
    if not 0 <= packet.payload_type < _MARKER_BIT:
        raise ValueError("payload_type has seven bits")
    if not (0 <= packet.sequence < SEQUENCE_MODULUS and 0 <= packet.timestamp < TIMESTAMP_MODULUS):
        raise ValueError("sequence has 16 bits and timestamp 32: wrap them")
    if len(packet.csrcs) > MAX_CSRCS:
        raise ValueError("at most 15 CSRCs fit a packet")
    if packet.extension is not None and len(packet.extension.data) % 4:
        raise ValueError("extension data must fill 32-bit words")
    if not 0 <= packet.padding_bytes <= MAX_PADDING_BYTES:
        raise ValueError("padding_bytes is 0 to 255")


def serialize_plain(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool
) -> bytes:
    """A datagram without CSRCs, extension or padding: the path each sent frame takes."""
    second = payload_type | _MARKER_BIT if marker else payload_type
    return _HEADER.pack(_VERSION_BITS, second, sequence, timestamp, ssrc) + payload
