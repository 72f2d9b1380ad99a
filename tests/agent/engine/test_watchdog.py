"""The watchdog in whole calls: it brings a call back, and is silent where nothing is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from typing_extensions import override

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import Pcm
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.crd.voice_agent import TtsSpec
from tests.agent.engine.calls import Call
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, ScriptedTts, tone

LABELS = {"tenant": "clinic", "agent": "clinic/desk"}
LONG = "one two three four five six seven eight nine ten"


class HangingTts(ScriptedTts):
    """Hands out the begin of a long reply, then nothing for four seconds, even if told to stop."""

    @override
    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        async for chunk in super().synthesize(text, spec):
            yield chunk
            if text == LONG:
                await sleep_soundly(4)


async def sleep_soundly(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(until - loop.time())


def alarms(call: Call, alarm: str) -> float:
    found = call.telemetry.registry.get_sample_value(
        "switchboard_watchdog_alarms_total", LABELS | {"alarm": alarm}
    )
    return found or 0.0


async def asks_twice(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()
    await caller.wait_for_silence(3.5)
    await caller.say(tone(800))


def test_a_synthesiser_that_hangs_in_the_middle_costs_the_rest_of_the_reply_only() -> None:
    call = Call(
        dialog=ScriptedAnswers([Reply(LONG), Reply("what day")]),
        stt=ScriptedStt(["tell me", "again"]),
        tts=HangingTts(),
    )
    call.play(asks_twice)
    assert alarms(call, "stuck") == 1
    assert LONG.startswith(call.replies[1].heard)
    assert call.replies[1].interrupted
    assert [turn.text for turn in call.turns] == ["tell me", "again"]
    assert call.tts.open_streams == 0


def test_nothing_is_raised_in_a_call_that_goes_well() -> None:
    call = Call(
        dialog=ScriptedAnswers([Reply(LONG)]), stt=ScriptedStt(["tell me", "thank you very much"])
    )
    call.play(asks_twice)
    assert all(
        alarms(call, each) == 0 for each in ("deaf", "mute", "stuck", "twice", "after_flush")
    )
