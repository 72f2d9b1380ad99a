"""Keeps what the capture sees, apart by meaning: SIP messages, and each call's sent RTP.

SIPp sends the sound of all calls from one port; the address that it goes to, which each call's 200
named, tells them apart.
"""

from collections import defaultdict

from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.signalling import CallLeg

PACKET_NS = 20_000_000
"""Time between two packets of a caller."""

_RTP_HEADER_BYTES = 12
_FOREVER_NS = 1 << 63


class Tap:
    """Sink of one run's capture."""

    def __init__(self, rtp_port: int) -> None:
        self._rtp_port = rtp_port
        self.messages: list[Datagram] = []
        self._sent: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)

    def take(self, datagram: Datagram) -> None:
        """Sort one datagram in."""
        if datagram.source[1] != self._rtp_port:
            self.messages.append(datagram)
        elif len(datagram.data) >= _RTP_HEADER_BYTES:
            sequence = int.from_bytes(datagram.data[2:4], "big")
            self._sent[datagram.destination].append((sequence, datagram.at_ns))

    def sent_ns(self, leg: CallLeg) -> list[int]:
        """When each packet of the call's track left, by its place in the track.

        Bounded by the call's own time, because the next call may be given the same port. A packet
        that the capture missed is given the time of its neighbour, 20 ms apart.
        """
        if leg.agent_media is None or leg.answered_ns is None:
            return []
        until = leg.ended_ns or _FOREVER_NS
        packets = [
            (sequence, at_ns)
            for sequence, at_ns in self._sent.get(leg.agent_media, [])
            if leg.answered_ns <= at_ns <= until
        ]
        if not packets:
            return []
        first = packets[0][0]
        places = {(sequence - first) & 0xFFFF: at_ns for sequence, at_ns in packets}
        times: list[int] = []
        for place in range(max(places) + 1):
            times.append(places.get(place, times[-1] + PACKET_NS if times else packets[0][1]))
        return times


STREAM_START_NS = 22_000_000
"""From SIPp's ACK to its first RTP packet: 22 to 25 ms were measured on loopback."""


def planned_ns(acknowledged_ns: int, packets: int) -> list[int]:
    """When packets leave where nobody may watch: shortly after the ACK, then 20 ms apart."""
    start = acknowledged_ns + STREAM_START_NS
    return [start + place * PACKET_NS for place in range(packets)]
