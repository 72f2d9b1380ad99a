"""One stamped datagram, and how it is cut out of a captured IPv4 packet.

All times of a load test come from one clock: the kernel's stamp of the packet (CLOCK_REALTIME, in
nanoseconds), whether it was captured on the interface or received on a socket.
"""

import socket
import struct
from dataclasses import dataclass

_IPV4 = 4
_UDP = 17
_MIN_HEADER = 20
_UDP_HEADER = 8
_FRAGMENT_OFFSET = 0x1FFF


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram as the kernel saw it."""

    at_ns: int
    """Kernel stamp, nanoseconds since 1970."""
    source: tuple[str, int]
    destination: tuple[str, int]
    data: bytes


def cut(packet: bytes, at_ns: int) -> Datagram | None:
    """The UDP datagram in an IPv4 packet; None for anything else, or a fragment."""
    if len(packet) < _MIN_HEADER or packet[0] >> 4 != _IPV4 or packet[9] != _UDP:
        return None
    if struct.unpack_from("!H", packet, 6)[0] & _FRAGMENT_OFFSET:
        return None
    start = (packet[0] & 0x0F) * 4
    if len(packet) < start + _UDP_HEADER:
        return None
    source_port, destination_port, length = struct.unpack_from("!HHH", packet, start)
    return Datagram(
        at_ns,
        (socket.inet_ntoa(packet[12:16]), source_port),
        (socket.inet_ntoa(packet[16:20]), destination_port),
        packet[start + _UDP_HEADER : start + length],
    )


def stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The kernel's SO_TIMESTAMPNS stamp among a message's ancillary data."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return None


SO_TIMESTAMPNS = 35
"""Linux number of the socket option; Python's socket module does not name it."""

_TIMESPEC = struct.Struct("@qq")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
