"""Call events reach the stream in order; a call never waits, and what is lost is counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from switchboard_agent.records import redis_stream
from switchboard_agent.records.redis_stream import RedisStreamRecorder
from switchboard_agent.worker.backoff import Backoff
from switchboard_contract.call_events import CALL_EVENT, SlotsChanged
from switchboard_contract.names import CALL_STREAM
from switchboard_local.servers import RedisServer
from tests.agent.records.fakes import FakeRedis


def event(sequence: int) -> SlotsChanged:
    return SlotsChanged(
        call_id="C1", sequence=sequence, at_unix_ms=0, at_call_ms=0, slots={"day": "monday"}
    )


def recorder(redis: object, dropped: list[int], buffer_events: int = 100) -> RedisStreamRecorder:
    return RedisStreamRecorder(
        cast("Redis", redis),
        on_dropped=dropped.append,
        buffer_events=buffer_events,
        backoff=Backoff(first_seconds=0.001, last_seconds=0.002),
    )


@contextlib.asynccontextmanager
async def running(records: RedisStreamRecorder) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(records.run())
        yield
        task.cancel()


def sequences(redis: FakeRedis) -> list[int]:
    return [CALL_EVENT.validate_json(e).sequence for batch in redis.batches for e in batch]


async def test_events_arrive_in_order_and_in_batches() -> None:
    redis, dropped = FakeRedis(), list[int]()
    records = recorder(redis, dropped)
    for number in range(50):
        records.record(event(number))
    async with running(records):
        await records.flush()
    assert sequences(redis) == list(range(50))
    assert len(redis.batches) == 1
    assert dropped == []


async def test_nothing_is_lost_while_redis_is_away_for_a_while() -> None:
    redis, dropped = FakeRedis(), list[int]()
    redis.away = True
    records = recorder(redis, dropped)
    async with running(records):
        for number in range(10):
            records.record(event(number))
        await asyncio.sleep(0.01)
        redis.away = False
        await records.flush()
    assert sequences(redis) == list(range(10))


async def test_full_buffer_drops_the_oldest_and_counts_them() -> None:
    redis, dropped = FakeRedis(), list[int]()
    records = recorder(redis, dropped, buffer_events=5)
    for number in range(8):
        records.record(event(number))
    async with running(records):
        await records.flush()
    assert sequences(redis) == [3, 4, 5, 6, 7]
    assert sum(dropped) == 3


async def test_worker_that_stops_without_redis_counts_what_it_could_not_bring_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_stream, "FLUSH_SECONDS", 0.02)
    redis, dropped = FakeRedis(), list[int]()
    redis.away = True
    records = recorder(redis, dropped)
    records.record(event(0))
    async with running(records):
        await records.flush()
    assert sum(dropped) == 1
    assert "1 call events are lost" in caplog.text


async def test_outage_is_logged_once_not_per_try(caplog: pytest.LogCaptureFixture) -> None:
    redis, dropped = FakeRedis(), list[int]()
    redis.away = True
    records = recorder(redis, dropped)
    async with running(records):
        records.record(event(0))
        await asyncio.sleep(0.02)
        redis.away = False
        await records.flush()
    messages = [record.getMessage() for record in caplog.records]
    assert [m for m in messages if "Redis is away" in m] == messages[:1]
    assert messages[-1] == "call events reach Redis again"


@pytest.mark.integration
async def test_a_consumer_reads_from_redis_what_a_call_reported(redis: RedisServer) -> None:
    async with Redis.from_url(redis.url) as client:
        stream: Any = client  # redis-py types each answer as a union of all protocol versions
        records = recorder(client, [])
        last = await stream.xrevrange(CALL_STREAM, count=1)
        async with running(records):
            records.record(event(7))
            await records.flush()
        entries = await stream.xrange(CALL_STREAM, min=b"(" + last[0][0] if last else b"-")
    (fields,) = [fields for _, fields in entries]
    assert CALL_EVENT.validate_json(fields[b"event"]) == event(7)
