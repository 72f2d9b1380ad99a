"""Events of a call go into the stream only from who holds it, and the last one ends it for good."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from switchboard_agent.records.fenced import FencedAppend
from switchboard_contract.call_events import CALL_EVENT, CallEnded, CallEvent, Outcome, SlotsChanged
from switchboard_contract.names import CALL_STREAM
from switchboard_contract.recovery import EPOCH_STRIDE, LEASE_MS
from switchboard_local.servers import RedisServer
from tests.agent.recovery.books import Pool, beat, enter

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def client(redis: RedisServer) -> AsyncIterator["Redis"]:
    made = Redis.from_url(redis.url)
    yield made
    await made.aclose()


def learned(call: str, epoch: int, number: int = 0) -> SlotsChanged:
    return SlotsChanged(
        call_id=call, sequence=epoch * EPOCH_STRIDE + number, at_unix_ms=0, at_call_ms=0, slots={}
    )


def ended(call: str, epoch: int, outcome: Outcome = Outcome.COMPLETED) -> CallEnded:
    return CallEnded(
        call_id=call,
        sequence=epoch * EPOCH_STRIDE + 9,
        at_unix_ms=0,
        at_call_ms=0,
        outcome=outcome,
        duration_ms=0,
    )


async def append(client: "Redis", pool: Pool, *events: CallEvent) -> None:
    pipeline = client.pipeline(transaction=False)
    for event in events:
        FencedAppend(pool.name)(pipeline, event)
    await pipeline.execute()


async def in_stream(client: "Redis", call: str) -> list[CallEvent]:
    entries = await cast("Any", client).xrange(CALL_STREAM)
    events = [CALL_EVENT.validate_json(fields[b"event"]) for _, fields in entries]
    return [event for event in events if event.call_id == call]


async def test_who_slept_through_a_change_of_hands_writes_nothing(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    asleep, peer = await pool.worker("a"), await pool.worker("b")
    await enter(asleep, call)
    await append(client, pool, learned(call, 0))
    await pool.age(asleep, LEASE_MS + 100)
    (claim,) = (await beat(peer)).claims
    await append(client, pool, learned(call, 0, 1), ended(call, 0, Outcome.FAILED))
    await append(client, pool, learned(call, claim.epoch), ended(call, claim.epoch))
    await append(client, pool, ended(call, 0, Outcome.FAILED))
    events = await in_stream(client, call)
    assert [e.sequence // EPOCH_STRIDE for e in events] == [0, claim.epoch, claim.epoch]
    (end,) = [event for event in events if isinstance(event, CallEnded)]
    assert end.outcome is Outcome.COMPLETED


async def test_an_ended_call_is_lost_to_nobody(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    dead, peer = await pool.worker("a"), await pool.worker("b")
    await enter(dead, call)
    await append(client, pool, ended(call, 0))
    assert await pool.owner(call) is None
    await dead.keep(call, 0, "late", entering=True, seconds=60)
    await pool.age(dead, LEASE_MS + 100)
    assert (await beat(peer)).claims == ()


async def test_a_call_that_is_in_no_book_is_recorded_all_the_same(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    await append(client, pool, learned(call, 0), ended(call, 0))
    assert len(await in_stream(client, call)) == 2
