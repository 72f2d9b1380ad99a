"""A warm transfer at a real livekit-server: three phones hum, and who hears whom is measured.

The human is a phone that the test lets join when the worker dials: livekit-server does here what it
does for a bridge.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from typing_extensions import override

from switchboard_agent.transport.base import Human, NotReachedError, Transferred
from switchboard_agent.transport.livekit.control import LiveKitRoomControl
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_agent.transport.livekit.transport import LiveKitTransport
from switchboard_contract.call_events import TransferResult
from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import Phones, phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import Rig, until, worker_rig
from tests.agent.live.tone_engine import AGENT_TONE_HZ, ToneCall
from tests.agent.live.tones import FRAME_SAMPLES, RMS, tone

pytestmark = pytest.mark.integration

CALLER_HZ, HUMAN_HZ, BRIEFING_HZ = 440.0, 600.0, 750.0
DESK = "tel:+15550199"


@dataclass
class Desk:
    """The human's telephone."""

    callers: Phones
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    put_out: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Dial] = field(default_factory=list)

    async def ring(self, asked: Dial) -> Transferred:
        self.asked.append(asked)
        await self.callers.join("desk", into=asked.room, identity=asked.identity, hz=HUMAN_HZ)
        ends = [asyncio.ensure_future(end.wait()) for end in (self.answers, self.put_out)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        answered = self.answers.is_set()
        return Transferred(TransferResult.SUCCEEDED if answered else TransferResult.NO_ANSWER)


def control_of(desk: Callable[[], Desk]) -> type[LiveKitRoomControl]:
    """A server whose bridge is the desk."""

    class Control(LiveKitRoomControl):
        @override
        async def dial(self, asked: Dial) -> Transferred:
            return await desk().ring(asked)

        @override
        async def remove(self, room: str, identity: str) -> None:
            await super().remove(room, identity)
            if desk().asked and identity == desk().asked[-1].identity:
                desk().put_out.set()

    return Control


@dataclass
class Scene:
    rig: Rig
    callers: Phones
    desk: Desk
    room: str
    call: ToneCall
    transport: LiveKitTransport

    async def brief(self, human: Human, seconds: float) -> None:
        """Hum to the human, as the engine hums to the caller."""
        for number in range(round(seconds * 50)):
            human.play(tone(BRIEFING_HZ, number * FRAME_SAMPLES))
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def scene(server: LiveKitServer, room: str) -> AsyncIterator[Scene]:
    config = agent_config()
    desks: list[Desk] = []
    control = control_of(lambda: desks[0])
    async with (
        phones(server) as callers,
        worker_rig(server, config, pool=room, make_control=control) as rig,
    ):
        desks.append(Desk(callers))
        await rig.dispatch(room, config)
        await callers.call(room, hz=CALLER_HZ)
        call = await rig.call(room)
        assert isinstance(call.transport, LiveKitTransport)
        await until(lambda: len(call.frames) > 10)
        yield Scene(rig, callers, desks[0], room, call, call.transport)


async def connect(scene: Scene) -> None:
    scene.desk.answers.set()
    async with scene.transport.consult(DESK, "main") as human:
        await human.connect()
    scene.call.over.set()


async def test_nobody_hears_what_is_not_for_them_until_the_two_are_connected(
    livekit: LiveKitServer,
) -> None:
    async with scene(livekit, "warm-1") as s:
        await s.callers.voices(s.room)
        s.desk.answers.set()
        async with s.transport.consult(DESK, "main") as human:
            await s.brief(human, 3)
            caller_heard, human_heard = [await s.callers.voices(p) for p in (s.room, "desk")]
            await human.connect()
        s.call.over.set()
        await asyncio.sleep(1)
        await s.callers.voices(s.room), await s.callers.voices("desk")
        await asyncio.sleep(2)
        caller_hears, human_hears = [await s.callers.voices(p) for p in (s.room, "desk")]
        assert s.rig.admission.held == 1, "the worker stays"
        await s.callers.leave("desk")
        await s.callers.gone(s.room)
        await until(lambda: s.rig.admission.held == 0)

    agent = f"agent/{'agent'}"
    assert caller_heard[agent].frequency_hz == pytest.approx(AGENT_TONE_HZ, abs=3)
    assert human_heard["agent/briefing"].frequency_hz == pytest.approx(BRIEFING_HZ, abs=3)
    assert human_heard["agent/briefing"].seconds > 2
    print(caller_heard, human_heard)
    audible = [
        (who, voice)
        for who, heard in (("caller", caller_heard), ("human", human_heard))
        for voice, sound in heard.items()
        if sound.seconds > 0
    ]
    assert audible == [("caller", "agent/agent"), ("human", "agent/briefing")]

    print(caller_hears, human_hears)
    (of_human,) = [h for voice, h in caller_hears.items() if voice == "human/phone"]
    (of_caller,) = [h for voice, h in human_hears.items() if voice == "sip_warm/phone"]
    assert of_human.frequency_hz == pytest.approx(HUMAN_HZ, abs=3)
    assert of_caller.frequency_hz == pytest.approx(CALLER_HZ, abs=3)
    assert min(of_human.rms, of_caller.rms) > RMS * 0.8
    assert all(h.seconds == 0 for voice, h in caller_hears.items() if voice != "human/phone")
    assert all(h.seconds == 0 for voice, h in human_hears.items() if voice != "sip_warm/phone")
