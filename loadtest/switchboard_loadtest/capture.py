"""A passive look at the caller's own packets: when SIPp really sent what.

SIPp sends the sound of all calls from one socket, on timers of its own, and tells nobody when. A
packet socket (root, or CAP_NET_RAW) sees each datagram with the kernel's stamp, so that the last
voiced packet of the caller has a time on the same clock as the agent's first. A filter in the
kernel lets only SIPp's two ports through: a load test shares the machine with what it measures.

Without that right, `PacketSocketDeniedError` is raised and the run falls back to SIPp's message
trace (`signalling.from_trace`), which knows when the ACK left and with it the start of the stream.
"""

import asyncio
import ctypes
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from switchboard_loadtest.datagrams import ANCILLARY_BYTES, SO_TIMESTAMPNS, Datagram, cut, stamp_ns
from switchboard_loadtest.errors import LoadTestError

_ETH_P_ALL = 0x0003
"""Every protocol: the kernel shows outgoing packets to no narrower tap."""

_SO_ATTACH_FILTER = 26
_RECEIVE_BUFFER_BYTES = 8 << 20
_MAX_PACKET_BYTES = 65_535
_BURST = 256
"""Datagrams taken in one wake-up, so that a flood does not starve the loop."""


class PacketSocketDeniedError(LoadTestError):
    """This user may not open packet sockets."""

    def __init__(self) -> None:
        super().__init__(
            "no right to capture packets", "run as root for exact caller-side send times"
        )


def port_filter(rtp_port: int, sip_port: int) -> bytes:
    """Classic BPF over an IPv4 packet: UDP from `rtp_port`, or from or to `sip_port`."""
    load_byte, load_half_x, load_x = 0x30, 0x48, 0xB1
    keep_bits, jump_equal, give = 0x54, 0x15, 0x06
    program = [
        (load_byte, 0, 0, 0),  # version and header length
        (keep_bits, 0, 0, 0xF0),
        (jump_equal, 0, 8, 0x40),  # IPv4
        (load_byte, 0, 0, 9),  # protocol
        (jump_equal, 0, 6, socket.IPPROTO_UDP),
        (load_x, 0, 0, 0),  # X = header length
        (load_half_x, 0, 0, 0),  # source port
        (jump_equal, 4, 0, rtp_port),
        (jump_equal, 3, 0, sip_port),
        (load_half_x, 0, 0, 2),  # destination port
        (jump_equal, 1, 0, sip_port),
        (give, 0, 0, 0),
        (give, 0, 0, _MAX_PACKET_BYTES),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _open(rtp_port: int, sip_port: int) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    except PermissionError as error:
        raise PacketSocketDeniedError from error
    code = port_filter(rtp_port, sip_port)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    opened.settimeout(0)
    return opened


def _receive(source: socket.socket) -> Datagram | None:
    """Next datagram, unless it is the second sight of one; BlockingIOError when there is none."""
    packet, ancillary, _flags, address = source.recvmsg(_MAX_PACKET_BYTES, ANCILLARY_BYTES)
    interface, _protocol, kind = address[:3]
    if interface == "lo" and kind == socket.PACKET_OUTGOING:
        return None
    at_ns = stamp_ns(ancillary)
    return None if at_ns is None else cut(packet, at_ns)


@contextmanager
def capturing(rtp_port: int, sip_port: int, sink: Callable[[Datagram], None]) -> Iterator[None]:
    """Hand every datagram of SIPp's ports to `sink` while the context is open."""
    loop = asyncio.get_running_loop()
    opened = _open(rtp_port, sip_port)

    def on_readable() -> None:
        for _ in range(_BURST):
            try:
                datagram = _receive(opened)
            except BlockingIOError:
                return
            if datagram is not None:
                sink(datagram)

    loop.add_reader(opened, on_readable)
    try:
        yield
    finally:
        on_readable()
        loop.remove_reader(opened)
        opened.close()
