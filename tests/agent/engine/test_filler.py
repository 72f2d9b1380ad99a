"""A slow answer in whole calls: a filler is heard meanwhile, and told with the answer."""

import asyncio

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.crd.turn import Filler, TurnSpec
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone


def slow_call(seconds: float) -> Call:
    turn = TurnSpec(filler=Filler(after_ms=500, phrases=["Let me see."]))
    return Call(
        dialog=ScriptedAnswers([Reply("what day")], delay_seconds=seconds),
        stt=ScriptedStt(["i need help", "stop"]),
        config=agent_config(turn=turn),
    )


async def asks_once(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_silence(4)
    caller.hang_up()


def test_a_filler_is_heard_before_a_slow_answer_and_stands_before_it_in_the_history() -> None:
    call = slow_call(2.5)
    call.play(asks_once)
    assert [reply.heard for reply in call.replies] == ["hello", "Let me see.", "what day"]
    filler, answer = call.replies[1:]
    assert filler.turn_latency_ms is None
    assert answer.turn_latency_ms is not None
    assert answer.turn_latency_ms > 2500, "the caller waited for the answer, not for the filler"
    assert call.dialog.heard_of == ["hello", "Let me see. what day"]
    assert len(call.turns) == 1
    assert call.tts.open_streams == 0


def test_a_fast_answer_is_heard_without_one() -> None:
    call = slow_call(0.3)
    call.play(asks_once)
    assert [reply.heard for reply in call.replies] == ["hello", "what day"]
    assert call.tts.open_streams == 0


def test_who_goes_on_over_a_filler_is_answered_once_with_all_words() -> None:
    call = slow_call(2.5)

    async def goes_on(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(0.1)
        await caller.say(tone(800))
        await caller.wait_for_silence(5)
        caller.hang_up()

    call.play(goes_on)
    assert [turn.text for turn in call.turns] == ["i need help stop"]
    assert call.replies[1].interrupted
    assert [reply.text for reply in call.replies].count("what day") == 1
