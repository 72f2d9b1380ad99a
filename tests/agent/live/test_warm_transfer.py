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
from tests.agent.live.tones import FRAME_SAMPLES, Heard, tone

pytestmark = pytest.mark.integration

CALLER_HZ, HUMAN_HZ, BRIEFING_HZ = 440.0, 600.0, 750.0
DESK = "tel:+15550199"
RINGS_SECONDS = 1.0
"""From when the human's phone is in the room to its answer."""
ECHO_SECONDS = 0.2
"""Of a voice that has ended, what a jitter buffer still makes of it."""


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
        await asyncio.sleep(RINGS_SECONDS)
        for phone in (asked.room, "desk"):  # a bridge carries no sound while it rings
            await self.callers.voices(phone)
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


async def heard(s: Scene) -> tuple[dict[str, float], dict[str, float]]:
    """Voices that caller and human heard since this was last asked, with their tones."""
    caller, human = await s.callers.voices(s.room), await s.callers.voices("desk")
    return _audible(caller), _audible(human)


def _audible(voices: dict[str, Heard]) -> dict[str, float]:
    return {
        voice: sound.frequency_hz for voice, sound in voices.items() if sound.seconds > ECHO_SECONDS
    }


def of(**tones_hz: float) -> dict[str, object]:
    """The tones lie 150 Hz apart; what a full machine loses of one blurs it."""
    return {voice.replace("_", "/"): pytest.approx(hz, abs=40) for voice, hz in tones_hz.items()}


APART = of(agent_agent=AGENT_TONE_HZ), of(agent_briefing=BRIEFING_HZ)
TOGETHER = of(human_phone=HUMAN_HZ), of(sip_phone=CALLER_HZ)


async def consult(s: Scene) -> None:
    async with s.transport.consult(DESK, "main") as human:
        await human.connect()


async def connect(s: Scene) -> None:
    s.desk.answers.set()
    await consult(s)
    s.call.over.set()
    await asyncio.sleep(1)
    await heard(s)


async def test_nobody_hears_what_is_not_for_them_until_the_two_are_connected(
    livekit: LiveKitServer,
) -> None:
    async with scene(livekit, "warm") as s:
        s.desk.answers.set()
        async with s.transport.consult(DESK, "main") as human:
            await s.brief(human, 3)
            assert await heard(s) == APART
            await human.connect()
        s.call.over.set()
        await asyncio.sleep(1)
        await heard(s)
        await asyncio.sleep(2)
        assert await heard(s) == TOGETHER
        assert s.rig.admission.held == 1, "the worker stays"
        await s.callers.leave("desk")
        await s.callers.gone(s.room)
        await until(lambda: s.rig.admission.held == 0)


async def test_a_caller_who_leaves_is_followed_by_the_human(livekit: LiveKitServer) -> None:
    async with scene(livekit, "followed") as s:
        await connect(s)
        await s.callers.leave(s.room)
        await s.callers.gone("desk")
        await until(lambda: s.rig.admission.held == 0)


async def test_a_worker_that_is_drained_leaves_the_two_to_each_other(
    livekit: LiveKitServer,
) -> None:
    async with scene(livekit, "drained") as s:
        await connect(s)
        s.rig.stop.set()
        await until(lambda: s.rig.admission.held == 0)
        await heard(s)
        await asyncio.sleep(2)
        assert await heard(s) == TOGETHER
        await s.callers.leave("desk")
        await s.callers.leave(s.room)


async def hang_up_during_the_briefing(s: Scene) -> None:
    async with s.transport.consult(DESK, "main") as human:
        leaving = asyncio.ensure_future(s.callers.leave("desk"))
        try:
            await s.brief(human, 10)
        finally:
            await leaving


async def test_a_human_who_hangs_up_gives_the_caller_back(livekit: LiveKitServer) -> None:
    async with scene(livekit, "back") as s:
        s.desk.answers.set()
        with pytest.raises(NotReachedError):
            await hang_up_during_the_briefing(s)
        await s.callers.voices(s.room)
        await asyncio.sleep(1)
        assert _audible(await s.callers.voices(s.room)) == APART[0]
        assert not s.transport.connected
