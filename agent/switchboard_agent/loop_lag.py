"""How late the event loop runs: the one signal that says a worker has too many calls.

CPU use reads half at true saturation, because one Python thread is the limit. A timer that should
have run and did not shows it directly, in the unit that callers hear.
"""

import asyncio
import logging
from collections import deque
from typing import Protocol

from switchboard_agent.loop_watch import LoopWatch

INTERVAL_SECONDS = 0.05
"""Often enough to see one slow callback, 0.1 % of a core."""

WINDOW_SAMPLES = 100
"""Five seconds: long enough not to refuse a call for one hiccup."""

P95 = 0.95

_log = logging.getLogger(__name__)


class LagHistogram(Protocol):
    """Where each sample is counted, in seconds."""

    def observe(self, amount: float) -> None:
        """Count one sample."""


class LoopLag:
    """Samples the lag while `run` runs."""

    def __init__(self, histogram: LagHistogram, watch: LoopWatch | None = None) -> None:
        """`watch` finds out who blocks the loop; it is logged once the loop moves again."""
        self._histogram = histogram
        self._watch = watch
        self._samples: deque[float] = deque(maxlen=WINDOW_SAMPLES)

    def add(self, lag_seconds: float) -> None:
        """Count one sample."""
        self._samples.append(lag_seconds)
        self._histogram.observe(lag_seconds)

    @property
    def p95_seconds(self) -> float:
        """95th percentile of the last five seconds; 0 before the first sample."""
        if not self._samples:
            return 0.0
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * P95))]

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL_SECONDS
            await asyncio.sleep(INTERVAL_SECONDS)
            lag_seconds = max(0.0, loop.time() - due)
            self.add(lag_seconds)
            self._name_culprit(lag_seconds)

    def _name_culprit(self, lag_seconds: float) -> None:
        name = self._watch.beat() if self._watch is not None else None
        if name is not None:
            fields = {"culprit": name, "blocked_ms": round(lag_seconds * 1000)}
            _log.warning("the event loop was blocked", extra=fields)
