"""What the caller heard: the agent's RTP as frames with arrival times, decoded after the call.

Frames are decoded in sequence order, because G.722 carries state from frame to frame; each keeps
the time at which its packet arrived, because that is when the caller could have heard it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.voiced import FRAME_MS, THRESHOLD_DBFS
from switchboard_media import rtp
from switchboard_media.codec import Codec
from switchboard_media.errors import MalformedPacket
from switchboard_media.pcm import Pcm, level_dbfs
from switchboard_media.rtp_stats import StreamStats, StreamTracker

_HALF_CYCLE = rtp.SEQUENCE_MODULUS // 2


@dataclass(frozen=True, slots=True)
class Hearing:
    """The agent's side of one call, in order of sequence numbers; one entry per packet."""

    arrival_ns: NDArray[np.int64]
    sequence: NDArray[np.int64]
    """Extended sequence numbers: no wrap."""
    timestamp: NDArray[np.int64]
    """RTP timestamps as sent."""
    voiced: NDArray[np.bool_]
    frames: tuple[Pcm, ...]
    rate_hz: int
    malformed: int
    """Datagrams that were no RTP of the call's codec."""
    stats: StreamStats
    """Loss, jitter and reordering by RFC 3550."""


def listen(heard: Sequence[Datagram], codec: Codec) -> Hearing:
    """Parse, order and decode what arrived at one ear."""
    packets: dict[int, tuple[int, rtp.RtpPacket]] = {}
    malformed, highest = 0, -1
    tracker = StreamTracker(codec.clock_rate_hz)
    for datagram in heard:
        packet = _parse(datagram.data, codec)
        if packet is None:
            malformed += 1
            continue
        extended = _extend(packet.sequence, highest)
        highest = max(highest, extended)
        tracker.receive(packet.sequence, packet.timestamp, datagram.at_ns / 1e9)
        packets.setdefault(extended, (datagram.at_ns, packet))
    order = sorted(packets)
    decoder = codec.make_decoder()
    frames = tuple(decoder.decode(packets[number][1].payload) for number in order)
    levels = np.array([level_dbfs(frame) for frame in frames])
    return Hearing(
        arrival_ns=np.array([packets[number][0] for number in order], np.int64),
        sequence=np.array(order, np.int64),
        timestamp=np.array([packets[number][1].timestamp for number in order], np.int64),
        voiced=levels >= THRESHOLD_DBFS,
        frames=frames,
        rate_hz=codec.sample_rate_hz,
        malformed=malformed,
        stats=tracker.stats(),
    )


def _parse(data: bytes, codec: Codec) -> rtp.RtpPacket | None:
    try:
        packet = rtp.parse(data)
    except MalformedPacket:
        return None
    return packet if packet.payload_type == codec.payload_type else None


def _extend(sequence: int, highest: int) -> int:
    """Continue a 16 bit counter past its wrap, next to the highest number so far."""
    if highest < 0:
        return sequence + rtp.SEQUENCE_MODULUS
    distance = (sequence - highest) % rtp.SEQUENCE_MODULUS
    return highest + (distance if distance < _HALF_CYCLE else distance - rtp.SEQUENCE_MODULUS)


def sound(hearing: Hearing, from_ns: int, length_ms: float) -> Pcm:
    """What a caller with no jitter buffer would have heard, on a time line from `from_ns`.

    Each run of packets is laid where its first one arrived and then follows the RTP timestamps'
    steps, as playback does; a late packet starts a new run, so that an audible gap stays one.
    """
    line = np.zeros(int(length_ms * hearing.rate_hz / 1000), np.int16)
    free = 0
    for arrival, frame in zip(hearing.arrival_ns, hearing.frames, strict=True):
        due = int((int(arrival) - from_ns) * hearing.rate_hz // 1_000_000_000)
        at = (
            free if 0 <= free - due <= _slack(hearing) or 0 < due - free <= _slack(hearing) else due
        )
        if at < 0 or at + frame.size > line.size:
            continue
        line[at : at + frame.size] = frame
        free = at + frame.size
    return line


def _slack(hearing: Hearing) -> int:
    """Lateness that a small jitter buffer hides: two frames."""
    return 2 * FRAME_MS * hearing.rate_hz // 1000
