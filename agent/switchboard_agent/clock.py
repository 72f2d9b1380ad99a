"""Time as the engine sees it: one monotonic clock for deadlines, one wall clock for records.

Both follow the event loop. A loop whose clock jumps to its next timer (tests, `switchboard try
--fast`) therefore moves the whole engine with it, and no part needs to know.
"""

import asyncio
import time
from typing import Protocol

MS_PER_SECOND = 1000


class Clock(Protocol):
    """Where the engine reads the time."""

    def monotonic_ms(self) -> float:
        """Milliseconds on the clock of the running event loop; only differences mean anything."""

    def unix_ms(self) -> int:
        """Milliseconds since 1970."""


class LoopClock:
    """The clock of the running event loop, tied once to the wall clock.

    The wall clock is read at construction only: steps of the system clock do not tear apart the
    times of one process, and in virtual time the records advance with the loop.
    """

    __slots__ = ("_epoch_ms", "_loop")

    def __init__(self, unix_seconds: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        now = time.time() if unix_seconds is None else unix_seconds
        self._epoch_ms = (now - self._loop.time()) * MS_PER_SECOND

    def monotonic_ms(self) -> float:
        """Milliseconds on the clock of the event loop."""
        return self._loop.time() * MS_PER_SECOND

    def unix_ms(self) -> int:
        """Milliseconds since 1970."""
        return round(self._epoch_ms + self.monotonic_ms())
