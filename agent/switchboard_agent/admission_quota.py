"""A tenant's quota of concurrent calls, over all workers: leases in Redis.

Each call holds one member of a sorted set, scored by when the lease runs out. Taking one is a
single script, so two workers cannot both take the last place. Leases are renewed in one batch; the
calls of a worker that dies run out by themselves.

Redis away: a call is neither refused nor delayed for it. The worker then counts only its own calls
against the quota, says so once, and takes up the shared count when a renewal finds Redis again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

LEASE_SECONDS = 30
RENEW_SECONDS = 10.0

DECISION_SECONDS = 1.0
"""A caller waits this long for Redis, once: then it counts as away until a renewal finds it."""

KEY_PREFIX = "switchboard:quota:"

_ACQUIRE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1])
   and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]) * 2)
return 1
"""

_RENEW = """
local now = tonumber(redis.call('TIME')[1])
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[i])
end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
return 1
"""

_log = logging.getLogger(__name__)

_REDIS_FAULTS = (RedisError, OSError, TimeoutError)


class Quota(Protocol):
    """Counts a tenant's calls."""

    async def acquire(self, tenant: str, call: str, limit: int) -> bool:
        """Take a place; False if the tenant has none left."""

    async def release(self, tenant: str, call: str) -> None:
        """Give the place back. Safe to call twice."""


class RedisQuota:
    """`Quota` shared by all workers."""

    def __init__(
        self,
        redis: "Redis",
        *,
        on_unshared: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_unshared` is called for each decision made without Redis."""
        self._redis = redis
        self._on_unshared = on_unshared
        self._clock = clock
        self._held: dict[str, set[str]] = {}
        self._reachable = True
        self._acquire = redis.register_script(_ACQUIRE)
        self._renew = redis.register_script(_RENEW)

    async def acquire(self, tenant: str, call: str, limit: int) -> bool:
        """Take a place; without Redis, this worker's own calls are counted."""
        taken = await self._take_shared(tenant, call, limit) if self._reachable else None
        if taken is None:
            self._on_unshared()
            taken = len(self._held.get(tenant, ())) < limit
        if taken:
            self._held.setdefault(tenant, set()).add(call)
        return taken

    async def _take_shared(self, tenant: str, call: str, limit: int) -> bool | None:
        """Ask Redis; None if it does not answer in time."""
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                return bool(
                    await cast(
                        "Awaitable[int]",
                        self._acquire(
                            keys=[KEY_PREFIX + tenant], args=[call, limit, LEASE_SECONDS]
                        ),
                    )
                )
        except _REDIS_FAULTS as error:
            self._note_reachable(reachable=False, error=error)
            return None

    async def release(self, tenant: str, call: str) -> None:
        """Give the place back; without Redis, the lease runs out by itself."""
        held = self._held.get(tenant, set())
        held.discard(call)
        if not held:
            self._held.pop(tenant, None)
        if not self._reachable:
            return
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                await self._redis.zrem(KEY_PREFIX + tenant, call)
        except _REDIS_FAULTS as error:
            self._note_reachable(reachable=False, error=error)

    async def run(self) -> None:
        """Renew what is held until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """Extend all leases; also puts them back after Redis lost its data.

        This is also what finds out that Redis is back.
        """
        try:
            if not self._reachable:
                await self._redis.ping()
            for tenant, calls in list(self._held.items()):
                await cast(
                    "Awaitable[int]",
                    self._renew(keys=[KEY_PREFIX + tenant], args=[LEASE_SECONDS, *calls]),
                )
            self._note_reachable(reachable=True)
        except _REDIS_FAULTS as error:
            self._note_reachable(reachable=False, error=error)

    def _note_reachable(self, *, reachable: bool, error: BaseException | None = None) -> None:
        if reachable != self._reachable:
            self._reachable = reachable
            if reachable:
                _log.warning("quota is shared between workers again")
            else:
                _log.warning("quota counts only this worker's calls, Redis is away: %s", error)


class NoQuota:
    """`Quota` of a worker without Redis: nothing is counted."""

    async def acquire(self, tenant: str, call: str, limit: int) -> bool:  # noqa: ARG002 the seam
        """Always a place."""
        return True

    async def release(self, tenant: str, call: str) -> None:
        """Nothing to give back."""
