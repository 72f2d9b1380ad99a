"""How many calls a worker takes: a number it was given, or one that it finds out.

Found out from how late it is with those it has. A worker begins small and adds places only while it
is nearly full and well in time; half way to the strain at which calls are refused it takes none
beside those it has. So what it reports, and what the autoscaler counts with, is what it has shown
to hold.
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
"""Strain below which there is room for more."""
STRAINED = 0.5
"""Strain above which there is not."""


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

    def __init__(self, strain: Callable[[], float], most: int) -> None:
        self.now = min(FIRST, most)
        self._strain = strain
        self._most = most

    def look(self, held: int) -> None:
        """Judge by the strain with that many calls."""
        strain = self._strain()
        if strain > STRAINED:
            self.now = max(1, min(self.now, held))
        elif strain < WELL and held >= self.now - STEP:
            self.now = min(self._most, self.now + STEP)

    async def follow(self, held: Callable[[], int], on_change: Callable[[int], None]) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before = self.now
            self.look(held())
            if self.now != before:
                on_change(self.now)


def places(max_calls: int | None, strain: Callable[[], float]) -> FixedPlaces | FoundPlaces:
    """Return the places of a worker; without a number it finds them out."""
    if max_calls is not None:
        return FixedPlaces(max_calls)
    return FoundPlaces(strain, MOST_CALLS_PER_WORKER)
