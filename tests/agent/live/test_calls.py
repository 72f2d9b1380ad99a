"""Calls through a real livekit-server: phones made with the stock SDK, our worker."""

import asyncio
import time

import pytest

from switchboard_agent.transport.base import CloseReason
from switchboard_agent.transport.livekit.transport import LiveKitTransport
from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import until, worker_rig
from tests.agent.live.tone_engine import (
    AGENT_TONE_HZ,
    PAUSE_SECONDS,
    PHRASE_FRAMES,
    PHRASES,
    PhraseEngine,
    ToneCall,
)
from tests.agent.live.tones import RMS, listen

pytestmark = pytest.mark.integration


def dropped_chunks(call: ToneCall) -> int:
    """10 ms pieces of the agent's voice that never reached the wire."""
    assert isinstance(call.transport, LiveKitTransport)
    return call.transport._source.dropped_chunks


async def test_both_sides_hear_each_other_clearly_and_without_gaps(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="hear") as rig, phones(livekit) as callers:
        await rig.dispatch("hear-1", config)
        await callers.call("hear-1", hz=440.0)
        call = await rig.call("hear-1")
        await asyncio.sleep(3)
        await callers.key("hear-1", "5")
        await until(lambda: call.digits == "5")
        agent_hears = listen(call.frames)
        caller_hears = await callers.heard("hear-1")
        await callers.leave("hear-1")

    assert caller_hears.frequency_hz == pytest.approx(AGENT_TONE_HZ, abs=2)
    assert caller_hears.rms == pytest.approx(RMS, rel=0.1)
    assert caller_hears.seconds > 2.5
    assert caller_hears.longest_gap_ms <= 500
    assert agent_hears.frequency_hz == pytest.approx(440, abs=2)
    assert agent_hears.rms == pytest.approx(RMS, rel=0.1)
    assert agent_hears.longest_gap_ms <= 500


async def test_a_short_pause_of_the_agent_is_not_taken_for_delay(livekit: LiveKitServer) -> None:
    config = agent_config()
    rig = worker_rig(livekit, config, pool="pause", make_engine=PhraseEngine)
    async with rig as worker, phones(livekit) as callers:
        await worker.dispatch("pause-1", config)
        await callers.call("pause-1")
        await worker.call("pause-1")
        seconds_said = PHRASES * PHRASE_FRAMES * 0.02 + (PHRASES - 1) * PAUSE_SECONDS
        await asyncio.sleep(seconds_said + 1)
        caller_hears = await callers.heard("pause-1")
        await callers.leave("pause-1")

    assert caller_hears.longest_gap_ms <= 1000 * PAUSE_SECONDS + 200
    assert caller_hears.seconds == pytest.approx(seconds_said, abs=0.3)


async def test_the_call_knows_who_calls_whom(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="info") as rig, phones(livekit) as callers:
        await rig.dispatch("info-1", config)
        await callers.call("info-1")
        info = (await rig.call("info-1")).info
        await callers.leave("info-1")

    assert info.call_id == "SCL_info-1"
    assert (info.caller, info.called) == ("+15550111", "+15550100")
    assert (info.agent, info.revision) == (config.key, config.revision)
    assert (info.room, info.test_id) == ("info-1", "test-info-1")


async def test_caller_who_hangs_up_ends_the_call_and_frees_the_slot(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="leave") as rig, phones(livekit) as callers:
        await rig.dispatch("leave-1", config)
        await callers.call("leave-1")
        call = await rig.call("leave-1")
        assert rig.admission.held == 1
        await callers.leave("leave-1")
        await until(lambda: rig.admission.held == 0)

    assert call.reason is CloseReason.CALLER_LEFT


async def test_hang_up_puts_the_caller_out_within_a_second(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="end") as rig, phones(livekit) as callers:
        await rig.dispatch("end-1", config)
        await callers.call("end-1")
        call = await rig.call("end-1")
        began = time.time()
        await call.transport.hang_up()
        gone_at = await callers.gone("end-1")
        await call.transport.hang_up()
        call.over.set()

    assert gone_at - began < 1
    assert call.reason is None


async def test_ten_calls_at_once_in_one_process_stay_apart(livekit: LiveKitServer) -> None:
    config = agent_config()
    rooms = {f"ten-{i}": 300.0 + 50 * i for i in range(10)}
    async with worker_rig(livekit, config, pool="ten") as rig, phones(livekit) as callers:
        for room, hz in rooms.items():
            await rig.dispatch(room, config)
            await callers.call(room, hz)
        calls = {room: await rig.call(room) for room in rooms}
        await asyncio.sleep(1)
        for call in calls.values():
            call.frames.clear()
        await asyncio.sleep(4)
        frames = {room: len(call.frames) for room, call in calls.items()}
        dropped = {room: dropped_chunks(call) for room, call in calls.items()}
        agent_hears = {room: listen(call.frames) for room, call in calls.items()}
        caller_hears = {room: await callers.heard(room) for room in rooms}
        for room in rooms:
            await callers.leave(room)
        await until(lambda: rig.admission.held == 0)

    # The tones lie 50 Hz apart; on a full machine ten stock phones lose some of what they send.
    for room, hz in rooms.items():
        assert agent_hears[room].frequency_hz == pytest.approx(hz, abs=10)
        assert caller_hears[room].frequency_hz == pytest.approx(AGENT_TONE_HZ, abs=10)
    # Gaps would be those of ten stock phones in one process; what the worker itself did is exact.
    assert all(170 <= count <= 230 for count in frames.values()), frames
    assert set(dropped.values()) == {0}
