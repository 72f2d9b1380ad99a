import struct

from hypothesis import given
from hypothesis import strategies as st

from switchboard_loadtest.datagrams import Datagram, cut, stamp_ns


def _ipv4(payload: bytes, *, protocol: int = 17, options: bytes = b"", fragment: int = 0) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0,
        words * 4 + 8 + len(payload),
        1,
        fragment,
        64,
        protocol,
        0,
        bytes([192, 0, 2, 1]),
        bytes([192, 0, 2, 2]),
    )
    return head + options + struct.pack("!HHHH", 6000, 7000, 8 + len(payload), 0) + payload


def test_a_datagram_is_cut_out_without_link_padding() -> None:
    assert cut(_ipv4(b"sound") + bytes(9), 5) == Datagram(
        5, ("192.0.2.1", 6000), ("192.0.2.2", 7000), b"sound"
    )


def test_ip_options_are_skipped() -> None:
    datagram = cut(_ipv4(b"sound", options=bytes(8)), 5)
    assert datagram is not None
    assert datagram.data == b"sound"


def test_other_protocols_and_fragments_are_nothing() -> None:
    assert cut(_ipv4(b"sound", protocol=6), 5) is None
    assert cut(_ipv4(b"sound", fragment=0x10), 5) is None


@given(st.binary(max_size=60))
def test_no_bytes_raise(packet: bytes) -> None:
    cut(packet, 0)
    stamp_ns([(1, 35, packet)])
