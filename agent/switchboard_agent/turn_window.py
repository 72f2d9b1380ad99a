"""How fast turns were answered lately: the 95th percentile over a sliding minute.

Histograms tell this only with a Prometheus beside them; an autoscaler needs it from the worker
alone. A worker answers a few turns a second at most, so the window holds some hundred numbers.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from switchboard_contract.heartbeat import LATENCY_WINDOW_SECONDS

MOST_TURNS = 2000
"""Bound of memory; far above what one worker answers in a minute."""


class Recent(NamedTuple):
    """What a window holds."""

    turns: int
    p95_ms: float | None
    """None without turns."""


class TurnWindow:
    """Latencies of the last minute."""

    def __init__(
        self, clock: Callable[[], float], *, seconds: float = LATENCY_WINDOW_SECONDS
    ) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._seconds = seconds
        self._turns: deque[tuple[float, float]] = deque(maxlen=MOST_TURNS)

    def add(self, latency_ms: float) -> None:
        """One turn was answered."""
        self._turns.append((self._clock(), latency_ms))

    def recent(self) -> Recent:
        """Forget what is too old; tell about the rest (nearest rank)."""
        oldest = self._clock() - self._seconds
        while self._turns and self._turns[0][0] < oldest:
            self._turns.popleft()
        if not self._turns:
            return Recent(0, None)
        ordered = sorted(ms for _, ms in self._turns)
        rank = -(-len(ordered) * 95 // 100)
        return Recent(len(ordered), ordered[rank - 1])
