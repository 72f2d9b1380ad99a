"""What a worker lives through: a server that goes and comes back, a drain, a storm of signals."""

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest
from livekit import api
from redis.asyncio import Redis

from switchboard_agent.transport.base import CloseReason
from switchboard_contract.call_events import CALL_EVENT, CallEnded, Outcome
from switchboard_contract.names import CALL_STREAM
from switchboard_local.servers import LiveKitServer, RedisServer, livekit_server
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config, dispatch_metadata
from tests.agent.live.rig import until, worker_rig
from tests.agent.live.worker_process import worker_process

pytestmark = pytest.mark.integration


async def test_worker_registers_again_after_the_server_restarted(
    tmp_path: Path, redis: RedisServer
) -> None:
    config = agent_config()
    async with contextlib.AsyncExitStack() as stack:
        server = livekit_server(tmp_path / "first", redis)
        first = await server.__aenter__()
        rig = await stack.enter_async_context(worker_rig(first, config, pool="restart"))
        callers = await stack.enter_async_context(phones(first))
        await rig.dispatch("restart-1", config)
        await callers.call("restart-1")
        call = await rig.call("restart-1")
        await server.__aexit__(None, None, None)
        await until(lambda: not rig.worker.registered)
        async with (
            livekit_server(tmp_path / "second", redis, port=first.port) as second,
            phones(second) as new_callers,
        ):
            await until(lambda: rig.worker.registered, 20)
            await rig.dispatch("restart-2", config)
            await new_callers.call("restart-2")
            await rig.call("restart-2")
            await new_callers.leave("restart-2")
            await until(lambda: "restart-2" in rig.engine.calls and rig.admission.held <= 1)
            await until(lambda: call.reason is not None, 30)

    assert call.reason in {CloseReason.LOST, CloseReason.ROOM_CLOSED, CloseReason.CALLER_LEFT}


async def make_room(server: LiveKitServer, room: str) -> None:
    config = agent_config(name="process")
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as livekit:
        await livekit.room.create_room(
            api.CreateRoomRequest(
                name=room,
                departure_timeout=2,
                agents=[
                    api.RoomAgentDispatch(agent_name="process", metadata=dispatch_metadata(config))
                ],
            )
        )


async def ended(redis: RedisServer, call_id: str) -> list[CallEnded]:
    async with Redis.from_url(redis.url) as client:
        entries = await client.xrange(CALL_STREAM)
    events = [CALL_EVENT.validate_json(fields[b"event"]) for _, fields in entries]  # type: ignore[index,union-attr] # redis-py types every answer as a union
    return [e for e in events if isinstance(e, CallEnded) and e.call_id == call_id]


async def test_signals_do_not_cut_a_live_call(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    config = agent_config(name="process")
    async with (
        worker_process(
            tmp_path, livekit, redis, config, pool="process", drain_seconds=60
        ) as worker,
        phones(livekit) as callers,
    ):
        await make_room(livekit, "drain-1")
        await callers.call("drain-1")
        await asyncio.sleep(2)
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            worker.process.send_signal(number)
            await asyncio.sleep(0.3)
        assert not await worker.ready()
        await asyncio.sleep(1)
        assert worker.process.returncode is None
        await callers.leave("drain-1")
        code = await asyncio.wait_for(worker.process.wait(), 10)

    (end,) = await ended(redis, "SCL_drain-1")
    assert code == 0
    assert end.outcome is Outcome.CALLER_HUNG_UP


async def test_call_that_outlives_the_drain_time_is_hung_up_and_recorded(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    config = agent_config(name="process")
    async with (
        worker_process(tmp_path, livekit, redis, config, pool="process", drain_seconds=1) as worker,
        phones(livekit) as callers,
    ):
        await make_room(livekit, "drain-2")
        await callers.call("drain-2")
        await asyncio.sleep(2)
        worker.process.send_signal(signal.SIGTERM)
        await callers.gone("drain-2")
        code = await asyncio.wait_for(worker.process.wait(), 10)

    (end,) = await ended(redis, "SCL_drain-2")
    assert code == 0
    assert end.outcome is Outcome.DRAINED
