from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.signalling import CallLeg
from switchboard_loadtest.tap import PACKET_NS, STREAM_START_NS, Tap, planned_ns

_SIPP, _AGENT = ("192.0.2.1", 6000), ("192.0.2.2", 7000)
_LEG = CallLeg("one", answered_ns=1000, agent_media=_AGENT, ended_ns=10**12)


def _packet(sequence: int, at_ns: int) -> Datagram:
    data = b"\x80\x09" + sequence.to_bytes(2, "big") + bytes(168)
    return Datagram(at_ns, _SIPP, _AGENT, data)


def _tap(*packets: Datagram) -> Tap:
    tap = Tap(rtp_port=_SIPP[1])
    for packet in packets:
        tap.take(packet)
    return tap


def test_packets_get_their_place_in_the_track_across_the_wrap() -> None:
    tap = _tap(_packet(0xFFFF, 2000), _packet(0, 3000), _packet(1, 4000))
    assert tap.sent_ns(_LEG) == [2000, 3000, 4000]


def test_a_packet_that_was_not_captured_takes_its_neighbours_time() -> None:
    tap = _tap(_packet(5, 2000), _packet(7, 2000 + 2 * PACKET_NS))
    assert tap.sent_ns(_LEG) == [2000, 2000 + PACKET_NS, 2000 + 2 * PACKET_NS]


def test_a_call_that_had_the_port_before_is_not_mixed_in() -> None:
    assert _tap(_packet(9, 500), _packet(0, 2000)).sent_ns(_LEG) == [2000]


def test_signalling_is_kept_apart() -> None:
    message = Datagram(1, ("192.0.2.1", 5070), _AGENT, b"BYE")
    tap = _tap(message)
    assert tap.messages == [message]
    assert tap.sent_ns(_LEG) == []


def test_without_a_capture_packets_are_planned_from_the_ack() -> None:
    start = 10**9 + STREAM_START_NS
    assert planned_ns(10**9, 3) == [start, start + PACKET_NS, start + 2 * PACKET_NS]
