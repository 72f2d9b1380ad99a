"""Whole calls in which the agent presses keys: when, which, and never into its own words."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from switchboard_agent.dialog.base import Reply
from switchboard_agent.keying import LEAD_SECONDS, PAUSE_SECONDS
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, CallInfo
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import KeysSent, Outcome, ReplySpoken
from tests.agent.engine.calls import Call
from tests.support.goertzel import keys_heard
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone


class Bridged(LoopbackTransport):
    """A transport whose far end takes keys, half a second each."""

    broken_at = ""

    def __init__(self, info: CallInfo) -> None:
        super().__init__(info)
        self.keys: list[tuple[float, str]] = []

    async def send_key(self, key: str) -> None:
        if key == self.broken_at:
            raise OSError("the wire is cut")
        self.keys.append((asyncio.get_running_loop().time(), key))
        await asyncio.sleep(0.5)


class Torn(Bridged):
    broken_at = "3"


async def says_two_things(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
    await caller.wait_for_silence(60)


def a_call(reply: Reply) -> Call:
    return Call(dialog=ScriptedAnswers([reply]), stt=ScriptedStt(["press one", "welcome"]))


def events(call: Call) -> list[KeysSent]:
    return [event for event in call.records.events if isinstance(event, KeysSent)]


def test_keys_follow_the_sentence_at_the_bridges_pace() -> None:
    call = a_call(Reply("one moment", keys="1w2#"))
    call.make_transport = Bridged
    transport = call.play(says_two_things)
    assert isinstance(transport, Bridged)
    assert "".join(key for _, key in transport.keys) == "12#"
    first, second, third = (at for at, _ in transport.keys)
    assert second - first == pytest.approx(0.5 + PAUSE_SECONDS)
    assert third - second == pytest.approx(0.5)
    spoken = max(h.at_seconds for h in transport.recording.agent if h.at_seconds < first)
    assert first - spoken == pytest.approx(LEAD_SECONDS, abs=0.03)
    next_word = min(h.at_seconds for h in transport.recording.agent if h.at_seconds > first)
    assert next_word >= third + 0.5
    assert [(e.dtmf, e.complete) for e in events(call)] == [("1w2#", True)]
    assert call.dialog.pressed == ["1w2#"]
    assert call.outcome is Outcome.COMPLETED


def test_where_no_key_can_be_sent_it_is_sound() -> None:
    call = a_call(Reply("one moment", keys="1*w,D"))
    transport = call.play(says_two_things)
    begun = next(e for e in call.records.events if isinstance(e, ReplySpoken) and e.turn == 1)
    sound = np.concatenate([heard.frame for heard in transport.recording.agent])
    assert keys_heard(sound, SAMPLE_RATE_HZ) == [("1", 100), ("*", 100), ("D", 100)]
    starts = [
        h.at_seconds for h in transport.recording.agent if keys_heard(h.frame, SAMPLE_RATE_HZ)
    ]
    gaps = [b - a for a, b in pairwise(starts) if b - a > 0.03]
    assert gaps == [pytest.approx(0.12), pytest.approx(0.12 + 2 * PAUSE_SECONDS)]
    assert begun.heard == "one moment"
    assert events(call)[0].complete


def test_a_reply_of_nothing_but_keys_is_pressed_at_once() -> None:
    call = a_call(Reply("", keys="2"))
    call.make_transport = Bridged
    transport = call.play(says_two_things)
    assert isinstance(transport, Bridged)
    assert [key for _, key in transport.keys] == ["2"]


def test_keys_before_a_farewell_are_pressed_before_it_hangs_up() -> None:
    call = a_call(Reply("come in", keys="9", end_call=True))
    call.make_transport = Bridged
    transport = call.play(says_two_things)
    assert isinstance(transport, Bridged)
    assert [key for _, key in transport.keys] == ["9"]
    assert call.outcome is Outcome.COMPLETED
    assert len(call.replies) == 2


def test_a_key_that_cannot_be_sent_ends_the_row_and_not_the_call() -> None:
    call = a_call(Reply("one moment", keys="123456"))
    call.make_transport = Torn
    transport = call.play(says_two_things)
    assert isinstance(transport, Torn)
    assert "".join(key for _, key in transport.keys) == "12"
    assert [(e.dtmf, e.complete) for e in events(call)] == [("12", False)]
    assert call.replies[-1].text == "goodbye"


def test_a_sentence_that_is_interrupted_presses_nothing() -> None:
    call = a_call(Reply("one moment " * 20, keys="12"))
    call.make_transport = Bridged

    async def interrupts(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await caller.say(tone(1500))
        await caller.wait_for_silence(60)

    transport = call.play(interrupts)
    assert isinstance(transport, Bridged)
    assert transport.keys == []
    assert events(call) == []


def test_a_sentence_that_cannot_be_spoken_presses_nothing() -> None:
    call = a_call(Reply("one moment", keys="12"))
    call.make_transport = Bridged

    async def after_the_greeting(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        call.tts.failures = 2
        await says_two_things(caller)

    transport = call.play(after_the_greeting)
    assert isinstance(transport, Bridged)
    excuse, second_try = call.replies[1:3]
    assert excuse.text != second_try.text == "one moment"
    assert [key for _, key in transport.keys] == ["1", "2"]
    (sent,) = events(call)
    assert sent.at_call_ms > second_try.started_call_ms


def test_a_caller_who_leaves_hears_no_more_keys() -> None:
    call = a_call(Reply("one moment", keys="1" * 30))
    call.make_transport = Bridged

    async def leaves(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(2.2)
        caller.hang_up()

    transport = call.play(leaves)
    assert isinstance(transport, Bridged)
    (sent,) = events(call)
    assert 0 < len(sent.dtmf) <= len(transport.keys) < 30
    assert not sent.complete
    assert call.outcome is Outcome.CALLER_HUNG_UP
