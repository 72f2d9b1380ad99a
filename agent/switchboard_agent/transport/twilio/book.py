"""What the workers behind one address must agree on: used tickets, and who serves which call.

In Redis, because any of them may get the next request of a call. Redis away: calls are neither
refused nor delayed for it. A ticket is then single-use within each worker only, it still names its
call and lasts half a minute; a stream that breaks is taken up again only by the worker that serves
it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from switchboard_agent.transport.twilio.ticket import LIFETIME_SECONDS

DECISION_SECONDS: Final = 1.0
"""Twilio waits for this."""

_TICKET: Final = "switchboard:twilio:ticket:"
_CALL: Final = "switchboard:twilio:call:"
_APART: Final = " "
_MARGIN_SECONDS: Final = 60
_MOST_REMEMBERED: Final = 10_000

_FAULTS: Final = (RedisError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who serves a call."""

    worker: str
    """Its name; empty while the call has no stream."""
    address: str = ""
    """`host:port` where other workers reach it. Without a stream: the name of the worker that holds
    a place for the call, if one does."""


class CallBook:
    """Shared between all workers."""

    def __init__(self, redis: "Redis", worker: str) -> None:
        self._redis = redis
        self._worker = worker
        self.address = ""
        """`host:port` where other workers reach this one; known once it listens."""
        self._used: dict[str, None] = {}
        self.reachable = True
        """Whether Redis answered when it was last asked."""

    async def use(self, nonce: str) -> bool:
        """Take a ticket; False if somebody has."""
        if nonce in self._used:
            return False
        self._used[nonce] = None
        if len(self._used) > _MOST_REMEMBERED:
            self._used.pop(next(iter(self._used)))
        taken = await self._ask(
            lambda: self._redis.set(
                _TICKET + nonce, self._worker, nx=True, ex=2 * LIFETIME_SECONDS
            ),
            otherwise=True,
        )
        return bool(taken)

    async def hold(self, call_sid: str, seconds: int) -> None:
        """Note that this worker serves a call, for at most so long."""
        owner = f"{self._worker}{_APART}{self.address}"
        await self._set_owner(call_sid, owner, seconds + _MARGIN_SECONDS)

    async def expect(self, call_sid: str, *, place: bool) -> None:
        """Note that a call was answered and has no stream yet; `place` if this worker holds one."""
        holder = self._worker if place else ""
        await self._set_owner(call_sid, f"{_APART}{holder}", LIFETIME_SECONDS)

    async def owner(self, call_sid: str) -> Owner | None:
        """Who serves a call; None if it is over, or never began."""
        found = await self._ask(lambda: self._redis.get(_CALL + call_sid), otherwise=None)
        if not isinstance(found, bytes):
            return None
        worker, _, address = found.decode().partition(_APART)
        return Owner(worker, address)

    async def forget(self, call_sid: str) -> None:
        """Note that a call is over."""
        await self._ask(lambda: self._redis.delete(_CALL + call_sid), otherwise=None)

    async def _set_owner(self, call_sid: str, owner: str, seconds: int) -> None:
        await self._ask(
            lambda: self._redis.set(_CALL + call_sid, owner, ex=seconds), otherwise=None
        )

    async def _ask(self, question: Callable[[], Awaitable[object]], otherwise: object) -> object:
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                found = await question()
        except _FAULTS as error:
            self._note(reachable=False, reason=str(error) or type(error).__name__)
            return otherwise
        self._note(reachable=True)
        return found

    def _note(self, *, reachable: bool, reason: str = "") -> None:
        if reachable != self.reachable:
            self.reachable = reachable
            if reachable:
                _log.warning("calls from Twilio are shared between workers again")
            else:
                _log.warning("calls from Twilio are not shared, Redis is away: %s", reason)
