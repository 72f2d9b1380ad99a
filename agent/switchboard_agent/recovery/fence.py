"""Keeps a worker quiet that was asleep, until it knows whether its calls are still its own.

A process that was frozen (a paused machine, SIGSTOP) goes on where it was as if no time had passed:
it would speak into a room, or hang up on a caller, that another worker serves by now. The lease in
Redis has run out meanwhile, but the process does not know. The fence looks at the one thing that
cannot lie: how much time has passed since a beat was *sent* whose answer has been dealt with.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from switchboard_contract.recovery import LEASE_MS

LONGEST_WAIT_SECONDS = 2.0
"""A worker that gets no answer at all goes on: Redis is away, and calls do without."""


class Fence(Protocol):
    """Whether a call may be touched."""

    @property
    def stalled(self) -> bool:
        """This process may have been asleep: say nothing, end nothing."""

    async def passed(self) -> None:
        """Wait until it is known; not for ever."""


class NoFence:
    """`Fence` where nobody could take a call away."""

    stalled = False

    async def passed(self) -> None:
        """At once."""


class BeatFence:
    """`Fence` that goes by the beats in the book."""

    def __init__(
        self,
        limit_seconds: float = LEASE_MS / 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit_seconds = limit_seconds
        """As long as the lease last asked for."""
        self._clock = clock
        self._confirmed_at = clock()
        self._news = asyncio.Event()

    def now(self) -> float:
        """Monotonic seconds: taken before a beat is sent, given to `confirm` after it."""
        return self._clock()

    def confirm(self, sent_at: float) -> None:
        """What was said to a beat sent at `sent_at` has been dealt with, or nothing was said."""
        self._confirmed_at = max(self._confirmed_at, sent_at)
        self._news.set()

    @property
    def stalled(self) -> bool:
        """Whether more than a lease has gone by since then."""
        return self._clock() - self._confirmed_at > self.limit_seconds

    async def passed(self) -> None:
        """Wait for the next beat that is recent enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                while self.stalled:
                    self._news.clear()
                    await self._news.wait()
