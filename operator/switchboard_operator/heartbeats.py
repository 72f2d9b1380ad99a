"""What the workers say about their load, read from Redis in two requests a second.

Every replica reads, the leader for `status`, all of them for the metrics API. A heartbeat that is
there is at most `LIFETIME_MS` old by Redis' own clock; the rest of `STALE_SECONDS` is how old the
last reading may be. Redis away: nothing is made up, every figure is unknown once that has passed.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from switchboard_contract import names
from switchboard_contract.heartbeat import LIFETIME_MS, STALE_SECONDS, Heartbeat

_log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
ANSWER_SECONDS = 2.0
READING_SECONDS = STALE_SECONDS - LIFETIME_MS / 1000
"""How long one reading counts."""

_REDIS_FAULTS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """The workers of one pool together."""

    namespace: str = ""
    """Where they run."""
    calls: int = 0
    """Calls on workers that stay. Those of draining workers are left out: they end where they are,
    and a new worker could not take them over."""
    draining_calls: int = 0
    capacity: int = 0
    """Places on workers that take calls."""
    workers: int = 0
    """Workers that stay."""
    ready: int = 0
    """Those of them that take calls: `capacity` is theirs."""
    turns: int = 0
    p95_turn_ms: float | None = None
    """95th percentile of turn latency; of several workers, their mean weighted by turns."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All workers at one moment."""

    pools: dict[str, PoolLoad]
    calls: Counter[str]
    """Calls in progress by `namespace/name` of the VoiceAgent, draining workers included."""
    models: Counter[str] | None = field(default_factory=Counter)
    """Calls by the host of the model server that their next question goes to, draining workers
    included; None while a worker with calls is too old to tell."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Whose figures changed."""

    agents: frozenset[str] = frozenset()
    """`namespace/name` of VoiceAgents with another number of calls."""
    pools: frozenset[str] = frozenset()
    """Pools with another number of places."""


EMPTY = Reading({}, Counter())


def combine(heartbeats: Iterable[Heartbeat]) -> Reading:
    """Add up what the workers said. Pure."""
    by_pool: dict[str, list[Heartbeat]] = defaultdict(list)
    calls: Counter[str] = Counter()
    models: Counter[str] | None = Counter()
    for beat in heartbeats:
        if beat.models is None and beat.calls:
            models = None
        elif models is not None:
            models.update(beat.models or {})
        by_pool[beat.pool].append(beat)
        for agent, count in beat.agents.items():
            calls[agent] += count
    return Reading({pool: _load(beats) for pool, beats in by_pool.items()}, calls, models)


def _load(beats: list[Heartbeat]) -> PoolLoad:
    calls = draining_calls = capacity = workers = ready = turns = 0
    weighted_ms = 0.0
    for beat in beats:  # one plain loop: this runs every second over all workers of a cluster
        if beat.draining:
            draining_calls += beat.calls
            continue
        calls += beat.calls
        capacity += beat.capacity
        workers += 1
        ready += beat.capacity > 0
        if beat.turns and beat.p95_turn_ms is not None:
            turns += beat.turns
            weighted_ms += beat.turns * beat.p95_turn_ms
    return PoolLoad(
        namespace=beats[0].namespace,
        calls=calls,
        draining_calls=draining_calls,
        capacity=capacity,
        workers=workers,
        ready=ready,
        turns=turns,
        p95_turn_ms=weighted_ms / turns if turns else None,
    )


class Heartbeats:
    """The last reading, and whether it still counts."""

    def __init__(self, redis: "Redis", clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._redis = redis
        self._clock = clock
        self._reading = EMPTY
        self._read_at = float("-inf")
        self.error = ""
        """Why the last reading failed; empty if it did not."""

    @property
    def fresh(self) -> bool:
        """Whether the last reading still counts."""
        return self._clock() - self._read_at <= READING_SECONDS

    @property
    def reading(self) -> Reading:
        """The last reading; empty if it is too old."""
        return self._reading if self.fresh else EMPTY

    def load(self, pool: str) -> PoolLoad | None:
        """Return the load of a pool; None if no worker of it is known to be alive."""
        return self.reading.pools.get(pool)

    async def read(self) -> Moved:
        """Read all; return what is other than before. Never raises for Redis' sake."""
        before = self.reading
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._reading = combine(await self._fetch())
        except _REDIS_FAULTS as error:
            self._note(str(error) or type(error).__name__)
        else:
            self._read_at = self._clock()
            self._note("")
        return moved(before, self.reading)

    async def _fetch(self) -> list[Heartbeat]:
        asked = self._redis.smembers(names.HEARTBEAT_INDEX)
        members = sorted(await cast("Awaitable[set[bytes]]", asked))
        if not members:
            return []
        said = await self._redis.mget([names.heartbeat_key(m.decode()) for m in members])
        if gone := [m for m, text in zip(members, said, strict=True) if text is None]:
            await self._redis.srem(names.HEARTBEAT_INDEX, *gone)
        return [beat for text in said if text is not None and (beat := _parsed(text))]

    def _note(self, error: str) -> None:
        if bool(error) != bool(self.error):
            _log.warning("worker heartbeats: %s", error or "Redis answers")
        self.error = error


def moved(before: Reading, now: Reading) -> Moved:
    """Return whose status figures changed. A pool comes or goes with its places."""
    nobody = PoolLoad()
    agents = before.calls.keys() | now.calls.keys()
    pools = before.pools.keys() | now.pools.keys()
    return Moved(
        frozenset(a for a in agents if before.calls[a] != now.calls[a]),
        frozenset(
            p
            for p in pools
            if (p in before.pools) != (p in now.pools)
            or before.pools.get(p, nobody).capacity != now.pools.get(p, nobody).capacity
        ),
    )


def _parsed(text: bytes | str) -> Heartbeat | None:
    try:
        return Heartbeat.model_validate_json(text)
    except ValidationError:
        _log.warning("a heartbeat is not readable and left out: a worker of another version?")
        return None


async def follow(
    heartbeats: Heartbeats, on_moved: Callable[[Moved], None], seconds: float = POLL_SECONDS
) -> None:
    """Read for ever; tell what moved."""
    while True:
        if (moved_now := await heartbeats.read()) != Moved():
            on_moved(moved_now)
        await asyncio.sleep(seconds)
