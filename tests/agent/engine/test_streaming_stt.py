"""A recogniser that hears the end of the words lets the reply begin earlier, not the turn end."""

import asyncio
from dataclasses import dataclass, field

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.loopback import LoopbackCaller
from tests.agent.engine.calls import Call
from tests.support.speech_fakes import ScriptedAnswers, hush, tone
from tests.support.streaming_stt import StreamingStt


@dataclass
class StreamingCall(Call):
    stt: StreamingStt = field(default_factory=StreamingStt)  # type: ignore[assignment] # another recogniser


async def ask(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()
    caller.hang_up()


async def hesitate(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.say(hush(160))
    await caller.say(tone(800))
    await caller.wait_for_agent()
    await asyncio.sleep(0.1)
    caller.hang_up()


def call(*texts: str) -> StreamingCall:
    answers = ScriptedAnswers([Reply("sure"), Reply("again")])
    return StreamingCall(dialog=answers, stt=StreamingStt(list(texts)))


def test_reply_comes_350_ms_after_the_last_word_with_streaming_providers() -> None:
    one = call("hello there")
    one.play(ask)
    (reply,) = [reply for reply in one.replies if reply.turn_latency_ms is not None]
    assert reply.turn_latency_ms is not None
    assert 300 <= reply.turn_latency_ms <= 370
    assert [turn.text for turn in one.turns] == ["hello there"]


def test_caller_who_goes_on_after_a_short_pause_is_heard_to_the_end() -> None:
    one = call("i would like to", "come in tomorrow")
    one.play(hesitate)
    assert [turn.text for turn in one.turns] == ["i would like to come in tomorrow"]
    assert len([reply for reply in one.replies if reply.turn_latency_ms is not None]) == 1
