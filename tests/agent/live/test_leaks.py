"""A call leaves nothing behind in the process that served it."""

import asyncio
from typing import cast

import pytest
from livekit import api

from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.room import Room, RoomListener
from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import phones, sip_token
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import until, worker_rig

pytestmark = pytest.mark.integration

READY_SECONDS = 20.0
"""The library waits some 15 s for the owner of a joined room, then ends the process."""


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


async def test_a_join_given_up_leaves_the_room_and_the_library_lives_on(
    livekit: LiveKitServer,
) -> None:
    panics: list[str] = []
    nobody = cast("RoomListener", None)  # no event of a room that is given up reaches anybody
    ffi = FfiDemux(asyncio.get_running_loop(), panics.append)
    secrets = livekit.api_key, livekit.api_secret
    async with api.LiveKitAPI(livekit.http_url, *secrets) as server:
        token = sip_token(*secrets, "late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await Room.join(ffi, livekit.ws_url, token, nobody)
        await asyncio.sleep(READY_SECONDS)
        there = await server.room.list_participants(api.ListParticipantsRequest(room="late"))
        listed = list(there.participants)
    ffi.close()
    assert (panics, listed) == ([], [])
    assert (ffi._rooms, ffi._replies) == ({}, {})
