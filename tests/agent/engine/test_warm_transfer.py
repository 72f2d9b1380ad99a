"""The agent calls a human for the caller, briefs them apart and connects the two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from typing_extensions import override

from switchboard_agent.audio.ringback import OFF_SECONDS, ON_SECONDS, TONES_HZ
from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import (
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    CallInfo,
    Human,
    NotReachedError,
    Pcm,
    Transferred,
)
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import (
    Outcome,
    TransferEnded,
    TransferRequested,
    TransferResult,
)
from switchboard_contract.crd.transfer import Transfer
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, ScriptedTts, tone

DESK = Transfer(
    to="tel:+15550199",
    failed="nobody is there",
    briefing="A caller for {agent}. The name is {name}.",
    carrier="main",
)
CONFIG = agent_config().model_copy(update={"transfer": DESK})
RINGS_SECONDS = 8.0


class Room(LoopbackTransport):
    """A call into whose room a human can be called, who answers after a while."""

    answer = Transferred(TransferResult.SUCCEEDED)
    hears_seconds = 60.0
    """How long the human stays on the line while not connected."""

    def __init__(self, info: CallInfo) -> None:
        super().__init__(info)
        self.connected = False
        self.called: list[tuple[str, str]] = []
        self.told: list[Pcm] = []
        self.put_out = 0
        self.hung_up = False

    @asynccontextmanager
    async def consult(self, to: str, carrier: str) -> AsyncIterator[Human]:
        self.called.append((to, carrier))
        try:
            await asyncio.sleep(RINGS_SECONDS)
            if self.answer.result is not TransferResult.SUCCEEDED:
                raise NotReachedError(self.answer)
            try:
                async with asyncio.timeout(self.hears_seconds):
                    yield Line(self)
            except TimeoutError:
                raise NotReachedError(Transferred(TransferResult.FAILED)) from None
        finally:
            self.put_out += not self.connected

    @override
    async def hang_up(self) -> None:
        self.hung_up = True
        await super().hang_up()


class Line:
    """The human's."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def play(self, frame: Pcm) -> None:
        self._room.told.append(frame.copy())

    async def connect(self) -> None:
        self._room.connected = True


class Busy(Room):
    answer = Transferred(TransferResult.REFUSED, 486)


class HangsUp(Room):
    hears_seconds = 0.4


async def asks_for_a_human(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()
    await caller.wait_for_silence(60)


async def asks_and_says_more(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await asyncio.sleep(3 + RINGS_SECONDS / 2)
    await caller.say(tone(800))
    await asyncio.sleep(RINGS_SECONDS / 2 + 1)
    await caller.say(tone(800))
    await caller.wait_for_silence(60)


def a_call(kind: type[Room] = Room, *, tts: ScriptedTts | None = None) -> Call:
    answers = ScriptedAnswers([Reply("one moment", transfer=True)])
    stt = ScriptedStt(["a human", "never mind"])
    return Call(
        dialog=answers, stt=stt, config=CONFIG, make_transport=kind, tts=tts or ScriptedTts()
    )


def room_of(transport: LoopbackTransport) -> Room:
    assert isinstance(transport, Room)
    return transport


def ringing(frames: list[Pcm]) -> int:
    """Frames with both tones of the ringing in them, at a level that can be heard."""
    bins = [round(hz * FRAME_SAMPLES * 4 / SAMPLE_RATE_HZ) for hz in TONES_HZ]
    count = 0
    for start in range(0, len(frames) - 3, 4):
        spectrum = np.abs(np.fft.rfft(np.concatenate(frames[start : start + 4])))
        count += 4 * bool(min(spectrum[bins]) > 0.2 * np.max(spectrum) > 1e5)
    return count


def test_a_human_is_called_and_briefed_and_the_two_are_connected() -> None:
    call = a_call()
    room = room_of(call.play(asks_for_a_human))
    assert room.called == [("tel:+15550199", "main")]
    assert call.outcome is Outcome.TRANSFERRED
    assert call.ended.outcome is Outcome.TRANSFERRED
    assert not room.hung_up, "the two speak with each other"
    assert room.put_out == 0
    assert any(np.any(frame) for frame in room.told)
    requested, ended = call.records.events[-3:-1]
    assert isinstance(requested, TransferRequested)
    assert requested.warm
    assert isinstance(ended, TransferEnded)
    assert ended.result is TransferResult.SUCCEEDED


def test_the_caller_hears_it_ring_until_the_two_are_connected() -> None:
    call = a_call()
    room = room_of(call.play(asks_for_a_human))
    spoken = next(e for e in call.records.events if isinstance(e, TransferRequested))
    begin = room.recording.agent[0].at_seconds + spoken.at_call_ms / 1000
    rung = [heard for heard in room.recording.agent if heard.at_seconds >= begin - 0.02]
    share = ON_SECONDS / (ON_SECONDS + OFF_SECONDS)
    seconds = rung[-1].at_seconds - rung[0].at_seconds
    assert seconds >= RINGS_SECONDS
    heard = ringing([heard.frame for heard in rung]) * 0.02
    assert heard >= share * RINGS_SECONDS
    assert np.max(np.abs([h.frame for h in rung])) < np.iinfo(np.int16).max / 4


@pytest.mark.parametrize(
    ("kind", "result", "status"),
    [(Busy, TransferResult.REFUSED, 486), (HangsUp, TransferResult.FAILED, None)],
)
def test_a_caller_nobody_takes_hears_no_more_ringing_and_the_dialog_goes_on(
    kind: type[Room], result: TransferResult, status: int | None
) -> None:
    call = a_call(kind)
    room = room_of(call.play(asks_and_says_more))
    assert [reply.text for reply in call.replies][1:] == [
        "one moment",
        "nobody is there",
        "goodbye",
    ]
    (ended,) = [event for event in call.records.events if isinstance(event, TransferEnded)]
    assert (ended.result, ended.sip_status) == (result, status)
    assert call.outcome is Outcome.COMPLETED
    assert room.put_out == 1
    assert room.hung_up
    failed = next(r for r in call.replies if r.text == "nobody is there")
    after = room.recording.agent[0].at_seconds + failed.started_call_ms / 1000
    assert not ringing([h.frame for h in room.recording.agent if h.at_seconds >= after])


def test_a_caller_who_leaves_while_it_rings_ends_the_humans_call() -> None:
    call = a_call()

    async def leaves(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await asyncio.sleep(RINGS_SECONDS)
        caller.hang_up()

    room = room_of(call.play(leaves))
    assert call.outcome is Outcome.CALLER_HUNG_UP
    assert room.put_out == 1
    assert not [event for event in call.records.events if isinstance(event, TransferEnded)]


def test_a_transport_that_can_call_nobody_says_so() -> None:
    call = a_call()
    call.make_transport = LoopbackTransport
    transport = call.play(asks_for_a_human)
    (ended,) = [event for event in call.records.events if isinstance(event, TransferEnded)]
    assert ended.result is TransferResult.UNSUPPORTED
    assert transport.transfers == [], "a warm transfer is not made a cold one"


def test_a_number_of_a_country_that_the_tenant_may_not_call_is_not_called() -> None:
    call = a_call()
    call.config = CONFIG.model_copy(update={"tenant_countries": ("DE",)})
    room = room_of(call.play(asks_for_a_human))
    assert room.called == []
    assert "nobody is there" in [reply.text for reply in call.replies]
