"""A call outlives its worker: the same caller, the same conversation, one record."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import pytest

from switchboard_agent.tracing import trace_number
from switchboard_contract.call_events import Outcome
from switchboard_local.servers import LiveKitServer, RedisServer, livekit_server, redis_server
from tests.agent.live.light_callers import light_phones
from tests.agent.live.recovery_rig import (
    about,
    agents_in,
    codes_config,
    dispatch,
    eventually,
    gone_on_with,
    knows,
    one_record_of_a_whole_conversation,
    over,
    served_by_one,
    silence_seconds,
)
from tests.agent.live.rig import until
from tests.agent.live.worker_process import worker_process
from tests.support.otlp_receiver import attributes, otlp_receiver

pytestmark = pytest.mark.integration

LONGEST_SILENCE_SECONDS = 10.0
"""A test machine is shared; what a quiet one does is measured by `make bench-recovery`."""


async def test_a_killed_worker_costs_its_caller_a_moment_of_silence(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    room = "killed-1"
    async with served_by_one(tmp_path, livekit, redis, room) as (one, two, phones):
        fault_at = time.time()
        one.process.send_signal(signal.SIGKILL)
        await gone_on_with(redis, room)
        assert await silence_seconds(phones, room, fault_at) < LONGEST_SILENCE_SECONDS
        assert await agents_in(livekit, room) == 1
        metrics = await two.metrics()
        await phones.leave(room)
        call = await over(redis, room)

    one_record_of_a_whole_conversation(call)
    bridged = "Sorry, I lost you for a moment. Would you please tell me what"
    assert any(reply.startswith(bridged) for reply in call.replies)
    assert metrics['switchboard_calls_recovered_total{outcome="recovered"}'] == 1
    assert metrics["switchboard_recovery_ready"] == 1


async def test_the_trace_of_a_call_is_gone_on_with_too(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = "traced-1"
    async with otlp_receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        async with served_by_one(tmp_path, livekit, redis, room) as (one, two, phones):
            await until(lambda: collector.instances() == {"one"})
            one.process.send_signal(signal.SIGKILL)
            await gone_on_with(redis, room)
            await phones.leave(room)
            await over(redis, room)
            two.process.send_signal(signal.SIGTERM)
            await two.process.wait()
        assert collector.instances() == {"one", "two"}
        trace_id = f"{trace_number(f'SCL_{room}'):032x}"
        assert {span.trace_id.hex() for span in collector.spans()} == {trace_id}
        (whole,) = [span for span in collector.spans() if span.name == "call"]
        assert attributes(whole)["outcome"] == Outcome.CALLER_HUNG_UP
        assert f'"trace_id":"{trace_id}"' in two.log.read_text()


async def test_a_frozen_worker_that_wakes_up_lets_go_and_disturbs_nobody(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    room = "frozen-1"
    async with served_by_one(tmp_path, livekit, redis, room) as (one, _, phones):
        one.process.send_signal(signal.SIGSTOP)
        try:
            await gone_on_with(redis, room)
        finally:
            one.process.send_signal(signal.SIGCONT)

        async def let_go() -> bool:
            metrics = await one.metrics()
            return metrics.get('switchboard_calls_let_go_total{reason="fenced"}') == 1

        await eventually(let_go, 20)
        known = (await about(redis, room)).known
        await knows(redis, room, codes=len(known[-1]) + 2)
        assert not await phones.gone(room)
        assert await agents_in(livekit, room) == 1
        await phones.leave(room)
        call = await over(redis, room)
        assert await one.ready()

    one_record_of_a_whole_conversation(call)


async def test_without_redis_calls_go_on_and_with_it_they_outlive_their_worker_again(
    tmp_path: Path, livekit: LiveKitServer
) -> None:
    room = "no-redis-1"
    async with contextlib.AsyncExitStack() as stack:
        first = redis_server(tmp_path / "first")
        redis = await first.__aenter__()
        one, _, phones = await stack.enter_async_context(
            served_by_one(tmp_path, livekit, redis, room)
        )
        await first.__aexit__(None, None, None)

        async def degraded() -> bool:
            return (await one.metrics())["switchboard_recovery_ready"] == 0

        await eventually(degraded, 20)
        lost_at = time.time()
        assert await one.ready()

        async def speaks() -> bool:
            return any(voice.start > lost_at + 1 for voice in await phones.heard(room))

        await eventually(speaks, 20)
        async with redis_server(tmp_path / "second", port=redis.port) as again:

            async def safe() -> bool:
                return (await one.metrics())["switchboard_recovery_ready"] == 1

            await eventually(safe, 20)
            await knows(again, room, codes=3)
            await asyncio.sleep(3.5)  # the grace after an outage, in which nobody counts as dead
            one.process.send_signal(signal.SIGKILL)
            await gone_on_with(again, room)
            await phones.leave(room)
            call = await over(again, room)

    assert len(call.ends) == 1
    assert call.forgotten == 0
    assert call.turns_repeated == 0
    log = one.log.read_text()
    assert log.count("calls would die with this worker, Redis is away") == 1
    assert log.count("calls would outlive this worker again") == 1


async def test_a_call_whose_caller_left_with_its_worker_gets_its_last_event_from_a_peer(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    room = "both-gone-1"
    async with served_by_one(tmp_path, livekit, redis, room) as (one, two, phones):
        one.process.send_signal(signal.SIGSTOP)
        await phones.leave(room)
        one.process.send_signal(signal.SIGKILL)
        call = await over(redis, room)
        metrics = await two.metrics()

    assert call.starts == 1
    assert [end.outcome for end in call.ends] == [Outcome.WORKER_LOST]
    assert call.ends[0].slots == call.known[-1]
    assert metrics['switchboard_calls_recovered_total{outcome="caller_gone"}'] == 1


async def test_a_call_nobody_has_a_place_for_is_ended_and_its_caller_put_out(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    rooms = ("full-1", "full-2")
    config = codes_config("full")
    async with (
        light_phones(livekit) as phones,
        worker_process(tmp_path, livekit, redis, config, pool="full", name="one") as one,
    ):
        for room in rooms:
            await dispatch(livekit, room, "full", config)
            await phones.call(room)
            await knows(redis, room, codes=1)
        async with worker_process(
            tmp_path, livekit, redis, config, pool="full", name="two", max_calls=1
        ) as two:
            one.process.send_signal(signal.SIGKILL)

            async def put_out() -> bool:
                return any([await phones.gone(room) for room in rooms])

            await eventually(put_out, 60)
            metrics = await two.metrics()
            gone = [await phones.gone(room) for room in rooms]
            for room, is_gone in zip(rooms, gone, strict=True):
                if not is_gone:
                    await phones.leave(room)
            calls = [await over(redis, room) for room in rooms]

    assert sorted(gone) == [False, True]
    assert metrics['switchboard_calls_recovered_total{outcome="no_place"}'] == 1
    assert metrics['switchboard_calls_recovered_total{outcome="recovered"}'] == 1
    outcomes = {len(call.ends): call.ends[0].outcome for call in calls}
    assert outcomes.keys() == {1}
    assert "nobody has a place for them" in two.log.read_text()


async def test_a_livekit_that_restarts_ends_the_call_once_with_a_typed_outcome(
    tmp_path: Path, redis: RedisServer
) -> None:
    room = "restarted-1"
    server = livekit_server(tmp_path / "first", redis)
    livekit = await server.__aenter__()
    async with served_by_one(tmp_path, livekit, redis, room) as (one, two, _):
        await server.__aexit__(None, None, None)
        async with livekit_server(tmp_path / "second", redis, port=livekit.port):
            call = await over(redis, room)
            await eventually(one.ready, 30)
            await eventually(two.ready, 30)

    assert len(call.ends) == 1
    assert call.ends[0].outcome in {
        Outcome.TRANSPORT_FAILED,
        Outcome.CALLER_HUNG_UP,
        Outcome.WORKER_LOST,
    }
