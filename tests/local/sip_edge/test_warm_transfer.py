"""A warm transfer by telephone: a worker has livekit-server call a human, through the edge."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
from livekit import api

from switchboard_agent.transport.base import TRANSFER_SECONDS, Human, NotReachedError, Transferred
from switchboard_agent.transport.livekit.transport import LiveKitTransport
from switchboard_contract.call_events import TransferResult
from switchboard_local.servers import LiveKitServer
from switchboard_media.codec import PCMU
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import Rig, until, worker_rig
from tests.agent.live.tone_engine import AGENT_TONE_HZ
from tests.agent.live.tones import FRAME_SAMPLES, tone
from tests.local.sip_edge.called_phone import CalledPhone, called_phone
from tests.local.sip_edge.conftest import MakeLine
from tests.local.sip_edge.edge_process import EdgeProcess
from tests.local.sip_edge.phone import Phone, loudest_hz, phone

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

CALLER_HZ, HUMAN_HZ, BRIEFING_HZ = 440.0, 600.0, 750.0
DESK, CARRIER = "+15550300", "main"
LOUD = 6000
RINGS_SECONDS = 6.0
"""Longer than any other question to LiveKit may take."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A caller who speaks with an agent, and the telephone of a human."""

    rig: Rig
    room: str
    caller: Phone
    desk: CalledPhone
    transport: LiveKitTransport
    tasks: asyncio.TaskGroup

    async def picked_up(self) -> None:
        """The human answers, in no hurry, and hums."""
        await self.desk.rings()
        await asyncio.sleep(RINGS_SECONDS)
        await self.desk.pick_up([PCMU])
        self.desk.tone_hz = HUMAN_HZ
        self.tasks.create_task(self.desk.talk())


@contextlib.asynccontextmanager
async def scene(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine, pool: str
) -> AsyncIterator[Scene]:
    config, line = agent_config(), await make_line()
    async with (
        worker_rig(livekit, config, pool=pool) as rig,
        phone(edge.address, "+15550199") as caller,
        called_phone(edge.address, DESK) as desk,
        asyncio.TaskGroup() as tasks,
        _trunk_to(desk, rig.livekit, config.key),
    ):
        await rig.dispatch(line.room, config)
        caller.tone_hz = CALLER_HZ
        caller.invite(line.number, codecs=[PCMU])
        await caller.answered()
        tasks.create_task(caller.talk())
        call = await rig.call(line.room)
        assert isinstance(call.transport, LiveKitTransport)
        assert await heard(caller) == pytest.approx(AGENT_TONE_HZ, abs=16)
        yield Scene(rig, line.room, caller, desk, call.transport, tasks)
        for task in list(tasks._tasks):
            task.cancel()


@contextlib.asynccontextmanager
async def _trunk_to(desk: CalledPhone, client: api.LiveKitAPI, agent: str) -> AsyncIterator[None]:
    """As the operator makes it."""
    info = api.SIPOutboundTrunkInfo(
        name="desk",
        address=f"127.0.0.1:{desk.sip_port}",
        numbers=["+15550301"],
        metadata=json.dumps({"agent": agent, "carrier": CARRIER}),
    )
    request = api.CreateSIPOutboundTrunkRequest(trunk=info)
    made = await client.sip.create_outbound_trunk(request)
    try:
        yield
    finally:
        await client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))


async def heard(listener: Phone, packets: int = 50) -> float:
    """The loudest tone of the next second; 0 where it is silent."""
    await listener.hears(packets)
    pcm = listener.heard_pcm(packets)
    return loudest_hz(pcm, 8000) if np.abs(pcm).max() > LOUD else 0.0


async def brief(human: Human) -> None:
    for number in range(150):
        human.play(tone(BRIEFING_HZ, number * FRAME_SAMPLES))
        await asyncio.sleep(0.02)


async def _asked(s: Scene) -> Transferred:
    with pytest.raises(NotReachedError) as failed:
        async with s.transport.consult(f"tel:{DESK}", CARRIER):
            raise AssertionError("nobody has answered")
    return failed.value.transferred


async def test_a_human_is_briefed_apart_and_then_speaks_with_the_caller(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    async with scene(edge, livekit, make_line, "warm-phone") as s:
        answering = s.tasks.create_task(s.picked_up())
        async with s.transport.consult(f"tel:{DESK}", CARRIER) as human:
            await answering
            briefing = s.tasks.create_task(brief(human))
            await asyncio.sleep(1)
            assert await heard(s.caller) == pytest.approx(AGENT_TONE_HZ, abs=16)
            assert await heard(s.desk) == pytest.approx(BRIEFING_HZ, abs=16)
            await briefing
            await human.connect()
        s.rig.engine.calls[s.room].over.set()
        await asyncio.sleep(1)
        assert await heard(s.caller) == pytest.approx(HUMAN_HZ, abs=16)
        assert await heard(s.desk) == pytest.approx(CALLER_HZ, abs=16)
        s.desk.in_dialog("BYE")
        await s.caller.next_request("BYE")
        await until(lambda: s.rig.admission.held == 0)


async def test_a_busy_human_costs_the_caller_nothing(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    async with scene(edge, livekit, make_line, "warm-busy") as s:

        async def refuse() -> None:
            await s.desk.rings()
            s.desk.respond(486)

        s.tasks.create_task(refuse())
        told = await _asked(s)
        assert (told.result, told.sip_status) == (TransferResult.REFUSED, 486)
        assert await heard(s.caller) == pytest.approx(AGENT_TONE_HZ, abs=16)
        s.caller.in_dialog("BYE")
        await until(lambda: s.rig.admission.held == 0)


async def test_a_caller_who_hangs_up_ends_the_ringing_of_the_human(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    async with scene(edge, livekit, make_line, "warm-gone") as s:

        async def ask() -> None:
            async with s.transport.consult(f"tel:{DESK}", CARRIER):
                raise AssertionError("nobody has answered")

        asking = s.tasks.create_task(ask())
        await s.desk.rings()
        s.caller.in_dialog("BYE")
        s.rig.engine.calls[s.room].over.set()
        asking.cancel()
        await s.desk.next_request("CANCEL")
        await until(lambda: s.rig.admission.held == 0)


async def test_a_human_who_does_not_pick_up_is_told_apart_from_one_who_refuses(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    async with scene(edge, livekit, make_line, "warm-nobody") as s:
        asking = s.tasks.create_task(_asked(s))
        await s.desk.rings()
        await s.desk.next_request("CANCEL", TRANSFER_SECONDS + 5)
        assert (await asking).result is TransferResult.NO_ANSWER
        assert await heard(s.caller) == pytest.approx(AGENT_TONE_HZ, abs=16)
        s.caller.in_dialog("BYE")
        await until(lambda: s.rig.admission.held == 0)
