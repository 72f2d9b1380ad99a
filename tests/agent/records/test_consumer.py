"""A consumer group on a real Redis: nothing is lost with a consumer, nothing counts twice."""

import uuid
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from switchboard_agent.records.fenced import FencedAppend
from switchboard_contract.call_events import CallEnded, CallEvent, CallStarted, Outcome
from switchboard_contract.names import CALL_STREAM
from switchboard_local.servers import RedisServer
from tests.support.call_consumer import CallConsumer

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


def _whole_call(call: str) -> list[CallEvent]:
    started = CallStarted(
        call_id=call,
        sequence=0,
        at_unix_ms=0,
        at_call_ms=0,
        tenant="t",
        agent="n/a",
        revision="r",
        worker="one",
        room="r",
    )
    ended = CallEnded(
        call_id=call,
        sequence=1,
        at_unix_ms=1,
        at_call_ms=1,
        outcome=Outcome.COMPLETED,
        duration_ms=1,
    )
    return [started, ended]


async def test_what_a_dead_consumer_left_is_claimed_and_counts_once(redis: RedisServer) -> None:
    call, group = uuid.uuid4().hex, f"group-{uuid.uuid4().hex}"
    async with Redis.from_url(redis.url) as client:
        dead = CallConsumer(client, group, "dead")
        await dead.open(start="$")
        pipeline = client.pipeline(transaction=False)
        for event in (*_whole_call(call), *_whole_call(call)):
            FencedAppend("pool")(pipeline, event)
        await pipeline.execute()
        assert len(await dead.deliver()) == 4

        heir = CallConsumer(client, group, "heir")
        await heir.open()
        await heir.take()
        assert heir.events == []
        await heir.claim(idle_ms=0)
        assert [event.sequence for event in heir.events] == [0, 1]
        assert heir.records()[call].outcome is Outcome.COMPLETED
        left = await cast("Any", client).xpending(CALL_STREAM, group)
    assert left["pending"] == 0
