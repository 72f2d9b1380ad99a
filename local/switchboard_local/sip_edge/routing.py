"""Trunks and rules kept for a second, and the decision on them.

LiveKit offers no watch on them. A list that is a second old may lack what was just created, so a
call that finds no rule makes the lists be read again before it is refused. Readers that come while
a read runs share it: a burst of calls costs one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from switchboard_contract.sip_routing import Invite, Refusal, Route, route
from switchboard_local.sip_edge.livekit_tables import Tables

FRESH_S = 1.0
"""How long the lists serve: a call placed just after `kubectl apply` still meets the new rule."""

READ_TIMEOUT_S = 3.0
"""Longest wait for LiveKit; the caller hears nothing meanwhile."""


class RoutingUnavailableError(Exception):
    """LiveKit did not give its lists. Remedy: see that livekit-server and its Redis run."""


class Routing:
    """The decision for each call."""

    def __init__(self, read: Callable[[], Awaitable[Tables]], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._lock = asyncio.Lock()
        self._tables: Tables = ([], [])
        self._read_at_s = float("-inf")

    async def decide(self, invite: Invite) -> Route | Refusal:
        """Say where a call goes."""
        asked_s = self._now()
        decision = route(*await self._tables_since(asked_s - FRESH_S), invite)
        if isinstance(decision, Refusal) and self._read_at_s < asked_s:
            decision = route(*await self._tables_since(asked_s), invite)
        return decision

    async def check(self) -> None:
        """Raise unless LiveKit answers now."""
        await self._tables_since(self._now())

    async def _tables_since(self, oldest_s: float) -> Tables:
        """Return lists whose reading began at or after this time."""
        async with self._lock:
            if self._read_at_s < oldest_s:
                began_s = self._now()
                try:
                    async with asyncio.timeout(READ_TIMEOUT_S):
                        self._tables = await self._read()
                except Exception as error:
                    raise RoutingUnavailableError(
                        f"cannot read trunks and rules from LiveKit: {error!r}"
                    ) from error
                self._read_at_s = began_s
            return self._tables
