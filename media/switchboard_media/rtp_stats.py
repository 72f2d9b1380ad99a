"""What a receiver knows about an RTP stream: loss, jitter, reordering (RFC 3550 A.1, A.3, A.8).

Sequence numbers wrap each 22 minutes of speech, arrive twice or late, and jump when a sender
restarts. The tracker extends them to numbers that only grow, as appendix A.1 does, and starts
anew after two packets in a row from an impossible place. Loss is what was expected less what
came; it is exact only in hindsight, because a late packet may still arrive.

Burstiness comes beside the RFC's figures, because the E-model asks for it: losses that come in
runs hurt more than the same number spread out.
"""

from dataclasses import dataclass
from typing import Final

from switchboard_media.rtp import SEQUENCE_MODULUS, TIMESTAMP_MODULUS

MAX_DROPOUT: Final = 3000
"""A jump ahead up to here is loss, beyond it a restart (RFC 3550 A.1)."""
MAX_MISORDER: Final = 100
"""A step back up to here is a late packet, beyond it a restart."""
_JITTER_GAIN: Final = 16
_HALF_TIMESTAMP: Final = TIMESTAMP_MODULUS // 2
_NO_SEQUENCE: Final = SEQUENCE_MODULUS + 1


@dataclass(frozen=True, slots=True)
class StreamStats:
    """One look at a stream."""

    received: int
    """Packets that came, copies left out."""
    expected: int
    duplicates: int
    reordered: int
    """Packets that came after one with a higher number."""
    restarts: int
    jitter_ms: float
    """Interarrival jitter, smoothed over about 16 packets."""
    max_jitter_ms: float
    loss_runs: int
    """Gaps of one or more packets, late packets taken back."""

    @property
    def lost(self) -> int:
        """Packets missing now."""
        return max(0, self.expected - self.received)

    @property
    def loss_fraction(self) -> float:
        """Lost of expected, 0-1."""
        return self.lost / self.expected if self.expected else 0.0

    @property
    def burst_ratio(self) -> float:
        """Mean length of a gap over that of random loss of the same rate (G.107 7.2): >= 1."""
        if not self.loss_runs or self.loss_fraction >= 1.0:
            return 1.0
        mean_run = self.lost / self.loss_runs
        return max(1.0, mean_run * (1.0 - self.loss_fraction))

    def since(self, earlier: "StreamStats") -> "StreamStats":
        """The figures of the interval from an earlier look to this one."""
        return StreamStats(
            received=self.received - earlier.received,
            expected=self.expected - earlier.expected,
            duplicates=self.duplicates - earlier.duplicates,
            reordered=self.reordered - earlier.reordered,
            restarts=self.restarts - earlier.restarts,
            jitter_ms=self.jitter_ms,
            max_jitter_ms=self.max_jitter_ms,
            loss_runs=max(0, self.loss_runs - earlier.loss_runs),
        )


class StreamTracker:
    """One SSRC's receiver state."""

    def __init__(self, clock_rate_hz: int) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._first: int | None = None
        """Extended number of the first packet since the last restart."""
        self._highest = 0
        """Highest extended number."""
        self._bad_sequence = _NO_SEQUENCE
        self._missing: set[int] = set()
        """Recent gaps: what of them still may come late."""
        self._settled_expected = 0
        """Expected before the last restart."""
        self._received = self._duplicates = self._reordered = self._restarts = 0
        self._loss_runs = 0
        self._transit: float | None = None
        self._last_timestamp = 0
        self._extended_timestamp = 0
        self._jitter = self._max_jitter = 0.0

    def receive(
        self, sequence: int, timestamp: int, arrival_s: float, *, paced: bool = True
    ) -> bool:
        """Count a packet; whether it is new. `paced=False` (keys) leaves it out of the jitter."""
        if self._first is None:
            self._start(sequence)
            in_order = True
        else:
            step = (sequence - self._highest) % SEQUENCE_MODULUS
            if step == 0:
                self._duplicates += 1
                return False
            if step < MAX_DROPOUT:
                self._skip_to(self._highest + step)
                in_order = True
            elif step >= SEQUENCE_MODULUS - MAX_MISORDER:
                if not self._late(self._highest + step - SEQUENCE_MODULUS):
                    return False
                in_order = False
            elif not self._restart(sequence):
                return False
            else:
                in_order = True
        self._received += 1
        if paced and in_order:
            self._measure(timestamp, arrival_s)
        return True

    @property
    def extended_sequence(self) -> int:
        """The highest number so far, counted past its wraps."""
        return self._highest

    def stats(self) -> StreamStats:
        """All figures since the first packet."""
        current = 0 if self._first is None else self._highest - self._first + 1
        ms = 1000.0 / self._clock_rate_hz
        return StreamStats(
            received=self._received,
            expected=self._settled_expected + current,
            duplicates=self._duplicates,
            reordered=self._reordered,
            restarts=self._restarts,
            jitter_ms=self._jitter * ms,
            max_jitter_ms=self._max_jitter * ms,
            loss_runs=self._loss_runs,
        )

    def _start(self, sequence: int) -> None:
        self._first = self._highest = sequence
        self._missing.clear()
        self._transit = None
        self._bad_sequence = _NO_SEQUENCE

    def _skip_to(self, extended: int) -> None:
        if extended > self._highest + 1:
            self._loss_runs += 1
            self._missing.update(range(self._highest + 1, extended))
            oldest = extended - MAX_MISORDER
            self._missing = {number for number in self._missing if number >= oldest}
        self._highest = extended
        self._bad_sequence = _NO_SEQUENCE

    def _late(self, extended: int) -> bool:
        """A packet from the past: new only if it was missing."""
        if self._first is not None and extended < self._first:
            # Sent before the first one seen: the stream began earlier than thought.
            self._missing.update(range(extended + 1, self._first))
            self._loss_runs += self._first > extended + 1
            self._first = extended
        elif extended not in self._missing:
            self._duplicates += 1
            return False
        else:
            self._missing.remove(extended)
            # Filling a gap ends it, shortens it or splits it in two.
            sides = (extended - 1 in self._missing) + (extended + 1 in self._missing)
            self._loss_runs += sides - 1
        self._reordered += 1
        return True

    def _restart(self, sequence: int) -> bool:
        """Believe an impossible number only when its successor comes too."""
        if sequence != self._bad_sequence:
            self._bad_sequence = (sequence + 1) % SEQUENCE_MODULUS
            return False
        if self._first is not None:
            self._settled_expected += self._highest - self._first + 1
        self._restarts += 1
        self._start(sequence)
        return True

    def _measure(self, timestamp: int, arrival_s: float) -> None:
        arrival = arrival_s * self._clock_rate_hz
        if self._transit is None:
            self._extended_timestamp = timestamp
        else:
            step = (timestamp - self._last_timestamp) % TIMESTAMP_MODULUS
            signed = step - TIMESTAMP_MODULUS if step >= _HALF_TIMESTAMP else step
            self._extended_timestamp += signed
            change = abs(arrival - self._extended_timestamp - self._transit)
            self._jitter += (change - self._jitter) / _JITTER_GAIN
            self._max_jitter = max(self._max_jitter, self._jitter)
        self._last_timestamp = timestamp
        self._transit = arrival - self._extended_timestamp
