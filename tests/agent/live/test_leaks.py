"""A call leaves nothing behind in the process that served it."""

import pytest

from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import until, worker_rig

pytestmark = pytest.mark.integration


async def test_finished_calls_leave_no_route_no_slot_and_no_thread_state(
    livekit: LiveKitServer,
) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="leak") as rig, phones(livekit) as callers:
        for number in range(6):
            room = f"leak-{number}"
            await rig.dispatch(room, config)
            await callers.call(room)
            call = await rig.call(room)
            if number % 2:
                await callers.leave(room)
            else:
                call.over.set()
            await until(lambda: rig.admission.held == 0)
        ffi = rig.ffi
        await until(lambda: not ffi._streams)
        assert (ffi._rooms, ffi._captures, ffi._replies) == ({}, {}, {})
        assert ffi.unrouted == 0
        assert ffi.native_thread_count <= 8
