"""Whether this worker takes one more call: decided before the phone is answered.

A slot is reserved before the offer is accepted and kept until the call is over, so two offers can
never share the last one. A full worker does not hide: LiveKit would then offer the call to nobody
and the caller would hear ringing for ever. It stays available with the highest load that is still
asked, and refuses with a reason; the server then asks the next worker, within milliseconds. Only a
draining worker is FULL.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from switchboard_agent.places import FixedPlaces, Places

TOP_LOAD = 0.65
"""The load a full worker reports. livekit-server offers nothing to a worker that reports 0.7 or
more, silently: a worker with 8 of 10 calls would be taken for full. So the whole range of load is
reported below that."""


class RefusalReason(StrEnum):
    """Why a call is not taken; label of `switchboard_calls_refused_total`."""

    FULL = "full"
    QUOTA = "quota"
    """The tenant has as many calls as it may have, on all its workers together."""
    AGENT_QUOTA = "agent_quota"
    """The agent has as many calls as its spec allows, on all workers together."""
    RATE = "rate"
    """The tenant has had as many new calls this second as it may have."""
    COUNTRY = "country"
    """The caller's number is of no country that the tenant takes calls from, or is withheld."""
    DRAINING = "draining"
    LAGGING = "lagging"
    """The event loop or the recogniser is late: one more call would harm those there are."""
    UNKNOWN_REVISION = "unknown_revision"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker process may take on."""

    max_calls: int
    max_joins: int = 3
    """Rooms joined at the same time. A join costs 0.1-0.2 CPU-seconds; live calls pay for it."""


class Admission:
    """The slots of one worker."""

    def __init__(
        self, limits: Limits, strain: Callable[[], float], places: Places | None = None
    ) -> None:
        """`strain`: see `strain.py`. `places` may move; without them the limits say how many."""
        self.limits = limits
        self._places = places or FixedPlaces(limits.max_calls)
        self.draining = False
        self._strain = strain
        self._held: set[str] = set()
        self._joins = asyncio.Semaphore(limits.max_joins)

    def reserve(self, job_id: str, *, rescue: bool = False) -> RefusalReason | None:
        """Hold a slot for a job; None if it is held now, else why not.

        `rescue`: the caller is in a call whose worker died, and a late event loop is better than
        silence.
        """
        if self.draining:
            return RefusalReason.DRAINING
        if job_id in self._held:
            return None
        if len(self._held) >= self.places:
            return RefusalReason.FULL
        if self.lagging and not rescue:
            return RefusalReason.LAGGING
        self._held.add(job_id)
        return None

    def release(self, job_id: str) -> None:
        """The slot is free again. Safe to call twice."""
        self._held.discard(job_id)

    @asynccontextmanager
    async def joining(self) -> AsyncIterator[None]:
        """Wait for one of the few places in which a room may be joined."""
        async with self._joins:
            yield

    @property
    def lagging(self) -> bool:
        """Whether the worker is too late for anything more."""
        return self._strain() > 1

    @property
    def held(self) -> int:
        """Slots taken: live calls and promised ones."""
        return len(self._held)

    @property
    def free(self) -> int:
        """Slots that could be taken now; none while draining."""
        return 0 if self.draining else self.limits.max_calls - len(self._held)

    @property
    def load(self) -> float:
        """Share of the slots taken, from 0 to `TOP_LOAD`."""
        return min(TOP_LOAD, TOP_LOAD * self.held / self.places)

    @property
    def places(self) -> int:
        """How many calls may be held now."""
        return self._places.now
