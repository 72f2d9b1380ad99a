"""The worker's heartbeat to Redis: what autoscaling and `status.activeCalls` go by.

A beat is one small pipeline twice a second. Redis away: the beat is counted as missed and the next
one tried at its time; no call waits for it. After the drain the worker takes its entry away itself,
so that nobody takes it for a crash.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from switchboard_agent.turn_window import Recent
from switchboard_contract import names
from switchboard_contract.heartbeat import INTERVAL_SECONDS, LIFETIME_MS, Heartbeat

ANSWER_SECONDS = 1.0
"""A beat that takes longer is given up: the next one says more."""

AWAY_BEATS = 3
"""Beats in a row without an answer after which Redis counts as away."""

_log = logging.getLogger(__name__)

_REDIS_FAULTS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Where a heartbeat takes its figures from."""

    calls_by_agent: Callable[[], Mapping[str, int]]
    """Live and promised calls by `namespace/name`."""
    places: Callable[[], int]
    """Calls taken at once; 0 while none could be."""
    draining: Callable[[], bool]
    recent_turns: Callable[[], Recent]
    calls_by_model: Callable[[], Mapping[str, int]] = dict
    """The same by the host of the model server that their next question goes to."""


class Heart:
    """Beats while `run` runs."""

    def __init__(
        self,
        redis: "Redis",
        *,
        pool: str,
        worker: str,
        namespace: str,
        pulse: Pulse,
        on_missed: Callable[[], None],
    ) -> None:
        """`on_missed` is called for each beat that did not arrive."""
        self._redis = redis
        self._pool = pool
        self._worker = worker
        self._namespace = namespace
        self._pulse = pulse
        self._on_missed = on_missed
        self._member = names.heartbeat_member(pool, worker)
        self._missed = 0

    def heartbeat(self) -> Heartbeat:
        """Return what is said now."""
        agents = {agent: calls for agent, calls in self._pulse.calls_by_agent().items() if calls}
        recent = self._pulse.recent_turns()
        return Heartbeat(
            pool=self._pool,
            worker=self._worker,
            namespace=self._namespace,
            calls=sum(agents.values()),
            capacity=self._pulse.places(),
            draining=self._pulse.draining(),
            turns=recent.turns,
            p95_turn_ms=recent.p95_ms,
            agents=agents,
            models=dict(self._pulse.calls_by_model()),
            at=round(time.time() * 1000),
        )

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.beat()
            due = max(due + INTERVAL_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    async def beat(self) -> None:
        """Send one heartbeat, or count it as missed."""
        said = self.heartbeat().model_dump_json(by_alias=True, exclude_none=True)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(names.heartbeat_key(self._member), said, px=LIFETIME_MS)
        pipeline.sadd(names.HEARTBEAT_INDEX, self._member)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await pipeline.execute()
        except _REDIS_FAULTS as error:
            self._on_missed()
            self._missed += 1
            if self._missed == AWAY_BEATS:
                reason = str(error) or type(error).__name__
                _log.warning("no heartbeat, Redis is away: %s", reason)
        else:
            if self._missed >= AWAY_BEATS:
                _log.warning("heartbeats reach Redis again")
            self._missed = 0

    async def leave(self) -> None:
        """Take the entry away: this worker is gone because it was asked to go."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.delete(names.heartbeat_key(self._member))
        pipeline.srem(names.HEARTBEAT_INDEX, self._member)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await pipeline.execute()
        except _REDIS_FAULTS as error:
            _log.warning("the heartbeat runs out by itself, Redis is away: %s", error)
