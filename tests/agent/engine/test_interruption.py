import asyncio
from collections.abc import Callable

import numpy as np

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.crd.turn import BargeIn, TurnSpec
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone

LONG = "one two three four five six seven eight nine ten"


def spoken(transport: LoopbackTransport) -> Pcm:
    return np.concatenate([heard.frame for heard in transport.recording.agent])


class Concealing(LoopbackTransport):
    """A wire whose far end draws sounds out where nothing follows them."""

    def __init__(self, info: CallInfo) -> None:
        super().__init__(info)
        self.silent_at: list[float] = []

    def play_silence(self) -> None:
        self.silent_at.append(self._loop.time())


def interrupted_call(
    make_transport: Callable[[CallInfo], LoopbackTransport] = LoopbackTransport,
) -> tuple[Call, LoopbackTransport]:
    call = Call(
        dialog=ScriptedAnswers([Reply(LONG)]),
        stt=ScriptedStt(["tell me", "stop"]),
        make_transport=make_transport,
    )

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(1.25)
        await caller.say(tone(800))
        await caller.wait_for_silence(0.2)
        await caller.wait_for_agent()

    return call, call.play(script)


def test_agent_is_silent_within_150_ms_of_the_callers_first_sound() -> None:
    call, _ = interrupted_call()
    labels = {"tenant": "clinic", "agent": "clinic/desk"}
    total = call.telemetry.registry.get_sample_value(
        "switchboard_barge_in_stop_seconds_sum", labels
    )
    assert total is not None
    assert 0 < total <= 0.15


def test_a_far_end_that_draws_sounds_out_gets_silence_wherever_the_agent_says_nothing() -> None:
    _, transport = interrupted_call(Concealing)
    assert isinstance(transport, Concealing)
    spoken_at = [heard.at_seconds for heard in transport.recording.agent]
    sent_at = np.sort(spoken_at + transport.silent_at)
    assert len(transport.silent_at) > 50
    assert np.diff(sent_at).max() <= 0.041


def test_history_keeps_only_what_was_heard() -> None:
    call, _ = interrupted_call()
    cut = call.replies[1]
    assert cut.interrupted
    assert cut.text == LONG
    assert LONG.startswith(cut.heard)
    assert cut.heard == "one two three four five"


def test_nothing_sounds_between_the_interruption_and_its_answer() -> None:
    call, transport = interrupted_call()
    begun = call.replies[2].started_call_ms / 1000
    before = [h.at_seconds for h in transport.recording.agent if h.at_seconds < begun - 0.001]
    spoken_ms = len(call.replies[1].heard) * 60
    assert before[-1] - call.replies[1].started_call_ms / 1000 < spoken_ms / 1000 + 0.2
    assert begun - before[-1] > 0.8


def test_the_interruption_is_the_next_turn() -> None:
    call, _ = interrupted_call()
    assert [turn.text for turn in call.turns] == ["tell me", "stop"]
    assert [reply.text for reply in call.replies] == ["hello", LONG, "goodbye"]


def test_a_cough_pauses_the_agent_and_it_goes_on_at_the_exact_sample() -> None:
    call = Call(dialog=ScriptedAnswers([Reply(LONG)]), stt=ScriptedStt(["tell me", "", "fine"]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(1.0)
        await caller.say(tone(120))
        await caller.wait_for_silence(1.0)
        await caller.say(tone(800))
        await caller.wait_for_agent()

    transport = call.play(script)
    assert [turn.text for turn in call.turns] == ["tell me", "fine"]
    assert call.replies[1].heard == LONG
    assert not call.replies[1].interrupted
    pauses = np.diff([heard.at_seconds for heard in transport.recording.agent])
    assert ((pauses > 0.2) & (pauses < 0.7)).sum() == 1
    whole = np.concatenate([tone(n * 60, level=3000) for n in (20, 20, 8)])
    start = len(tone(300))
    assert np.array_equal(spoken(transport)[start : start + len(whole)], whole)


def test_without_barge_in_the_agent_speaks_on_and_answers_afterwards() -> None:
    config = agent_config(turn=TurnSpec(barge_in=BargeIn(enabled=False)))
    call = Call(
        dialog=ScriptedAnswers([Reply(LONG)]), stt=ScriptedStt(["tell me", "stop"]), config=config
    )

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(1.0)
        await caller.say(tone(800))

    call.play(script)
    assert [reply.heard for reply in call.replies] == ["hello", LONG, "goodbye"]
    assert [turn.text for turn in call.turns] == ["tell me", "stop"]


def test_speech_that_lasts_is_answered_though_its_words_were_not_understood() -> None:
    call = Call(dialog=ScriptedAnswers([Reply(LONG)]), stt=ScriptedStt(["tell me", ""]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(1.0)
        await caller.say(tone(900))

    call.play(script)
    assert call.dialog.asked[-1].text == ""
    answered = call.replies[2]
    assert answered.turn_latency_ms is not None
    assert answered.turn_latency_ms <= 1000
