import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media import rtp
from switchboard_media.errors import MalformedPacket
from switchboard_media.rtp import RtpExtension, RtpPacket
from tests.media.strategies import rtp_packets, spoiled, survives

PCMU_FRAME = bytes.fromhex("80800001000000a0deadbeef") + b"\xff" * 160
EVERYTHING = RtpPacket(
    payload_type=9,
    sequence=65_535,
    timestamp=4_294_967_295,
    ssrc=1,
    payload=b"sound",
    marker=True,
    csrcs=(7, 8),
    extension=RtpExtension(0xBEDE, b"\x10\xaa\x00\x00"),
    padding_bytes=3,
)


def test_a_plain_packet_is_read_field_by_field() -> None:
    expected = RtpPacket(0, 1, 160, 0xDEADBEEF, b"\xff" * 160, marker=True)
    assert rtp.parse(PCMU_FRAME) == expected


def test_every_optional_part_stands_where_rfc_3550_puts_it() -> None:
    assert rtp.serialize(EVERYTHING).hex(" ", 4) == (
        "b289ffff ffffffff 00000001 00000007 00000008 bede0001 10aa0000 736f756e 64000003"
    )


@given(rtp_packets)
def test_packets_round_trip(packet: RtpPacket) -> None:
    assert rtp.parse(rtp.serialize(packet)) == packet


@given(rtp_packets)
def test_the_short_path_writes_what_the_long_one_does(packet: RtpPacket) -> None:
    plain = replace(packet, csrcs=(), extension=None, padding_bytes=0)
    assert rtp.serialize(plain) == rtp.serialize_plain(
        plain.payload_type,
        plain.sequence,
        plain.timestamp,
        plain.ssrc,
        plain.payload,
        marker=plain.marker,
    )


@given(st.binary(max_size=100) | spoiled(rtp_packets.map(rtp.serialize)))
def test_any_bytes_are_a_packet_or_the_documented_error(data: bytes) -> None:
    survives(rtp.parse, data, MalformedPacket)


def test_a_packet_cut_inside_its_headers_is_refused() -> None:
    whole = rtp.serialize(replace(EVERYTHING, padding_bytes=0))
    headers = len(whole) - len(EVERYTHING.payload)
    taken = [survives(rtp.parse, whole[:size], MalformedPacket) for size in range(len(whole))]
    assert taken == [size >= headers for size in range(len(whole))]


@pytest.mark.parametrize("version", [0, 1, 3])
def test_other_versions_are_refused(version: int) -> None:
    data = bytes([version << 6]) + PCMU_FRAME[1:]
    with pytest.raises(MalformedPacket, match="version 2"):
        rtp.parse(data)


@pytest.mark.parametrize("count", [0, 6, 255])
def test_a_padding_count_beyond_the_payload_is_refused(count: int) -> None:
    data = bytes([0xA0]) + PCMU_FRAME[1:12] + b"1234" + bytes([count])
    with pytest.raises(MalformedPacket, match="padding"):
        rtp.parse(data)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(EVERYTHING, payload_type=128), "seven bits"),
        (replace(EVERYTHING, sequence=65_536), "wrap"),
        (replace(EVERYTHING, timestamp=-1), "wrap"),
        (replace(EVERYTHING, csrcs=tuple(range(16))), "15 CSRCs"),
        (replace(EVERYTHING, extension=RtpExtension(1, b"odd")), "32-bit words"),
        (replace(EVERYTHING, padding_bytes=256), "255"),
    ],
)
def test_a_packet_that_would_lie_on_the_wire_is_not_written(wrong: RtpPacket, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rtp.serialize(wrong)


def test_rtcp_on_the_same_port_is_told_apart() -> None:
    sender_report = struct.pack("!BBH", 0x80, 200, 6) + bytes(24)
    assert rtp.looks_like_rtcp(sender_report)
    assert not rtp.looks_like_rtcp(PCMU_FRAME)
    assert not rtp.looks_like_rtcp(b"")
