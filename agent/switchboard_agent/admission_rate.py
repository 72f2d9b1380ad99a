"""A tenant's quota of new calls per second, over all workers: a token bucket in Redis.

The bucket holds one second's worth of calls, so a burst of that size passes and then one call each
`1 / rate`. One script reads the clock of Redis, fills the bucket and takes a token: workers cannot
take the same one, and their clocks do not matter.

Redis away: a call is not delayed for it. Each worker then keeps a bucket of its own at the full
rate, and asks Redis again now and then.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from switchboard_contract.names import RATE_KEY_PREFIX

DECISION_SECONDS = 1.0
"""A caller waits this long for Redis, once: then it counts as away for a while."""

AWAY_SECONDS = 10.0

_TAKE = """
local rate = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local seen = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = rate
if seen[1] then
  tokens = math.min(rate, tonumber(seen[1]) + math.max(0, now - tonumber(seen[2])) * rate)
end
local taken = 0
if tokens >= 1 then
  taken = 1
  tokens = tokens - 1
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens),
  'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], 5)
return taken
"""

_log = logging.getLogger(__name__)


class RateLimit(Protocol):
    """Counts a tenant's new calls."""

    async def take(self, tenant: str, per_second: int) -> bool:
        """Take one call of this second; False if there is none left."""


@dataclass(slots=True)
class Bucket:
    """A token bucket in this process."""

    tokens: float
    at: float

    def take(self, per_second: int, now: float) -> bool:
        """Fill up for the time that went by and take a token, if there is one."""
        self.tokens = min(per_second, self.tokens + (now - self.at) * per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RedisRate:
    """`RateLimit` shared by all workers."""

    def __init__(
        self,
        redis: "Redis",
        *,
        on_unshared: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_unshared` is called for each decision made without Redis."""
        self._on_unshared = on_unshared
        self._clock = clock
        self._take = redis.register_script(_TAKE)
        self._away_until = float("-inf")
        self._own: dict[str, Bucket] = {}

    async def take(self, tenant: str, per_second: int) -> bool:
        """Take one call of this second; without Redis, of this worker's own seconds."""
        if self._clock() >= self._away_until:
            taken = await self._take_shared(tenant, per_second)
            if taken is not None:
                return taken
        self._on_unshared()
        now = self._clock()
        return self._own.setdefault(tenant, Bucket(per_second, now)).take(per_second, now)

    async def _take_shared(self, tenant: str, per_second: int) -> bool | None:
        """Ask Redis; None if it does not answer in time."""
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                taken = self._take(keys=[RATE_KEY_PREFIX + tenant], args=[per_second])
                return bool(await cast("Awaitable[int]", taken))
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = self._clock() + AWAY_SECONDS
            _log.warning("rate counts only this worker's calls, Redis is away: %s", error)
            return None


class NoRate:
    """`RateLimit` of a worker without Redis: nothing is counted."""

    async def take(self, tenant: str, per_second: int) -> bool:  # noqa: ARG002 the seam
        """Always one left."""
        return True
