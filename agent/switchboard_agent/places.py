"""How many calls a worker takes: a number it was given, or one that it finds out.

Found out from the lag of its event loop, the one sign that one process has too many calls. A worker
begins small and adds places only while it is nearly full and its loop is well in time; half way to
the lag at which calls are refused it takes none beside those it has. So what it reports, and what
the autoscaler counts with, is what it has shown to hold.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from switchboard_contract.crd.scaling import MOST_CALLS_PER_WORKER

FIRST = 10
"""What any worker holds; it is told of before the first call."""
STEP = 2
"""Added at one look: a burst grows the number by two a second."""
LOOK_SECONDS = 1.0
WELL = 0.25
"""Share of the greatest lag below which there is room for more."""
STRAINED = 0.5
"""Share above which there is not."""


class Places(Protocol):
    """How many calls may be held."""

    @property
    def now(self) -> int:
        """At this moment; at least 1."""


class FixedPlaces:
    """A number that was given."""

    def __init__(self, most: int) -> None:
        self.now = most


class FoundPlaces:
    """See the module."""

    def __init__(self, lag_seconds: Callable[[], float], max_lag_seconds: float, most: int) -> None:
        self.now = min(FIRST, most)
        self._lag_seconds = lag_seconds
        self._max_lag_seconds = max_lag_seconds
        self._most = most

    def look(self, held: int) -> None:
        """Judge by the lag with that many calls."""
        share = self._lag_seconds() / self._max_lag_seconds
        if share > STRAINED:
            self.now = max(1, min(self.now, held))
        elif share < WELL and held >= self.now - STEP:
            self.now = min(self._most, self.now + STEP)

    async def follow(self, held: Callable[[], int], on_change: Callable[[int], None]) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before = self.now
            self.look(held())
            if self.now != before:
                on_change(self.now)


def places(
    max_calls: int | None, lag_seconds: Callable[[], float], max_lag_seconds: float
) -> FixedPlaces | FoundPlaces:
    """Return the places of a worker; without a number it finds them out."""
    if max_calls is not None:
        return FixedPlaces(max_calls)
    return FoundPlaces(lag_seconds, max_lag_seconds, MOST_CALLS_PER_WORKER)
