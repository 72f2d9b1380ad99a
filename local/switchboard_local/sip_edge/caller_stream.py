"""Order in the caller's RTP: what is late or doubled is left out, what is missing is counted.

The room must get sound at the pace of the caller's clock, so a gap in the timestamps is filled with
silence, as livekit-sip does (no concealment). A new SSRC or a jump starts afresh. Pure.
"""

from dataclasses import dataclass

MAX_GAP_MS = 200
"""A longer gap is a pause of the sender, or a jump: nothing is filled."""

_SEQUENCE = 1 << 16
_TIMESTAMP = 1 << 32
_HALF = 2
_MAX_LATE = 100
"""Packets this far behind are a restarted sender, not late ones."""


@dataclass(slots=True)
class CallerStream:
    """Position in the stream. Counters are for the call's log line."""

    clock_rate_hz: int
    packets: int = 0
    late: int = 0
    lost: int = 0
    _ssrc: int | None = None
    _sequence: int = 0
    _next_timestamp: int = 0

    def accept(self, ssrc: int, sequence: int, timestamp: int, duration: int) -> int | None:
        """Take a packet of `duration` clock units.

        Return the missing clock units before it to fill with silence, or None to leave it out.
        """
        self.packets += 1
        if ssrc != self._ssrc:
            self._ssrc = ssrc
            self._move_to(sequence, timestamp, duration)
            return 0
        ahead = (sequence - self._sequence) % _SEQUENCE
        if ahead == 0 or ahead >= _SEQUENCE - _MAX_LATE:
            self.late += 1
            return None
        if ahead < _SEQUENCE // _HALF:
            self.lost += ahead - 1
        missing = (timestamp - self._next_timestamp) % _TIMESTAMP
        self._move_to(sequence, timestamp, duration)
        return missing if missing <= self._max_gap else 0

    def accept_event(self, ssrc: int, sequence: int, timestamp: int, duration: int) -> int:
        """Take a packet of a key press, which has lasted `duration` clock units so far.

        Return the clock units of silence that have passed since the last packet: while a key is
        down the sender sends no sound, but the room's time goes on.
        """
        self.packets += 1
        ahead = (sequence - self._sequence) % _SEQUENCE
        if ssrc != self._ssrc or ahead == 0 or ahead >= _SEQUENCE - _MAX_LATE:
            return 0
        if ahead < _SEQUENCE // _HALF:
            self.lost += ahead - 1
        self._sequence = sequence
        passed = (timestamp + duration - self._next_timestamp) % _TIMESTAMP
        if passed > self._max_gap:
            return 0
        self._next_timestamp = (timestamp + duration) % _TIMESTAMP
        return passed

    @property
    def _max_gap(self) -> int:
        return self.clock_rate_hz * MAX_GAP_MS // 1000

    def _move_to(self, sequence: int, timestamp: int, duration: int) -> None:
        self._sequence = sequence
        self._next_timestamp = (timestamp + duration) % _TIMESTAMP
