"""What workers say adds up; what is old, or never came, is unknown and not zero."""

from collections import Counter
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from switchboard_contract import names
from switchboard_contract.heartbeat import Heartbeat
from switchboard_operator import scaling
from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.heartbeats import (
    READING_SECONDS,
    Heartbeats,
    Moved,
    PoolLoad,
    combine,
    moved,
)
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.store import Store
from tests.operator.samples import agent


def beat(worker: str = "w1", pool: str = "n.a", **figures: Any) -> Heartbeat:  # noqa: ANN401
    """Return a heartbeat."""
    base = {"capacity": 10, "agents": {"n/a": 2}, "calls": 2, "at": 0}
    return Heartbeat(pool=pool, worker=worker, namespace="n", **(base | figures))


class FakeRedis:
    """A set and keys."""

    def __init__(self, *beats: Heartbeat) -> None:
        self.beats = {names.heartbeat_member(b.pool, b.worker): b for b in beats}
        self.away = False
        self.removed: list[bytes] = []

    async def smembers(self, key: str) -> set[bytes]:
        assert key == names.HEARTBEAT_INDEX
        if self.away:
            raise RedisConnectionError("refused")
        return {m.encode() for m in self.beats} | {b"n.a/gone"}

    async def mget(self, keys: list[str]) -> list[bytes | None]:
        by_key = {names.heartbeat_key(m): b for m, b in self.beats.items()}
        return [
            by_key[k].model_dump_json(by_alias=True).encode() if k in by_key else None for k in keys
        ]

    async def srem(self, _: str, *members: bytes) -> int:
        self.removed += members
        return len(members)


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_draining_workers_count_for_callers_and_not_for_scaling() -> None:
    staying, leaving = beat("w1"), beat("w2", draining=True, capacity=0)
    reading = combine([staying, leaving])
    assert reading.calls == Counter({"n/a": 4})
    load = reading.pools["n.a"]
    assert (load.calls, load.draining_calls, load.capacity, load.workers) == (2, 2, 10, 1)


def test_latency_of_a_pool_is_weighted_by_turns() -> None:
    slow, fast, idle = (
        beat("w1", turns=30, p95_turn_ms=900.0),
        beat("w2", turns=10, p95_turn_ms=500.0),
        beat("w3"),
    )
    load = combine([slow, fast, idle]).pools["n.a"]
    assert (load.turns, load.p95_turn_ms) == (40, 800.0)
    assert combine([idle]).pools["n.a"].p95_turn_ms is None


def test_a_shared_pool_serves_several_agents() -> None:
    reading = combine([beat(pool="t.shared", agents={"n/a": 1, "m/b": 4}, calls=5)])
    assert reading.calls == Counter({"m/b": 4, "n/a": 1})
    assert reading.pools["t.shared"].calls == 5


async def test_an_outage_makes_figures_unknown_after_a_while() -> None:
    redis, clock = FakeRedis(beat()), Clock()
    heartbeats = Heartbeats(cast("Redis", redis), clock)
    assert heartbeats.load("n.a") is None
    assert await heartbeats.read() == Moved(frozenset({"n/a"}), frozenset({"n.a"}))
    assert heartbeats.load("n.a") == PoolLoad("n", calls=2, capacity=10, workers=1, ready=1)
    assert redis.removed == [b"n.a/gone"]
    redis.away, clock.now = True, READING_SECONDS
    assert await heartbeats.read() == Moved()
    assert heartbeats.load("n.a") is not None
    assert heartbeats.error == "refused"
    clock.now = READING_SECONDS + 0.1
    assert heartbeats.load("n.a") is None
    redis.away = False
    await heartbeats.read()
    assert (heartbeats.error, heartbeats.load("n.a") is not None) == ("", True)


def test_only_who_moved_is_told() -> None:
    one = combine([beat(), beat(pool="n.b", agents={"n/b": 1}, calls=1)])
    other = combine([beat(), beat(pool="n.b", agents={"n/b": 2}, calls=2)])
    assert moved(one, one) == Moved()
    assert moved(one, other) == Moved(agents=frozenset({"n/b"}))
    more = combine([beat(), beat("w2"), beat(pool="n.b", agents={"n/b": 2}, calls=2)])
    assert moved(other, more) == Moved(frozenset({"n/a"}), frozenset({"n.a"}))


def test_many_that_move_are_looked_at_later_instead_of_all_at_once() -> None:
    store = Store()
    for number in range(200):
        made = agent(f"a{number}", "n")
        made["metadata"] |= {"uid": str(number), "resourceVersion": str(number + 1)}
        store.put(VOICE_AGENT, made)
    asked: dict[Key, float] = {}
    few = Moved(agents=frozenset({"n/a1", "n/nobody"}), pools=frozenset({"n.a2"}))
    scaling.announce(few, store, asked.__setitem__)
    assert {key.name: at for key, at in asked.items()} == {"a1": 3.0, "a2": 3.0}
    asked.clear()
    everybody = Moved(agents=frozenset(f"n/a{number}" for number in range(200)))
    scaling.announce(everybody, store, asked.__setitem__)
    assert len(asked) == 200
    assert max(asked.values()) == 200 / scaling.STATUS_WRITES_PER_SECOND
    assert {key.kind for key in asked} == {KeyKind.VOICE_AGENT}
