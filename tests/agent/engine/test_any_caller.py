"""Whatever a caller does and whichever provider fails, a call ends once, typed and tidied up."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import CloseReason
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.call_events import Outcome
from switchboard_contract.crd.turn import BargeIn, TurnSpec
from switchboard_contract.crd.voice_agent import Limits
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, ScriptedTts, hush, tone

Act = Callable[[LoopbackCaller], Awaitable[None]]


def says(ms: int) -> Act:
    return lambda caller: caller.say(tone(ms))


def stutters(ms: int) -> Act:
    return lambda caller: caller.say(np.concatenate((tone(ms), hush(ms), tone(ms), hush(ms))))


def waits(ms: int) -> Act:
    return lambda _: asyncio.sleep(ms / 1000)


def keys(digits: str) -> Act:
    async def act(caller: LoopbackCaller) -> None:
        for digit in digits:
            caller.press(digit)

    return act


def mutes(muted: bool) -> Act:
    async def act(caller: LoopbackCaller) -> None:
        caller.muted = muted

    return act


def leaves(reason: CloseReason) -> Act:
    async def act(caller: LoopbackCaller) -> None:
        caller.hang_up(reason)

    return act


ACTS = st.one_of(
    st.builds(says, st.sampled_from([40, 130, 400, 1500])),
    st.builds(stutters, st.sampled_from([80, 220, 400])),
    st.builds(waits, st.sampled_from([10, 250, 700, 3000, 12_000])),
    st.builds(keys, st.sampled_from(["1", "#", "55#", "*"])),
    st.builds(mutes, st.booleans()),
    st.builds(leaves, st.sampled_from(CloseReason)),
)
WORDS = st.sampled_from(["", "yes", "monday and", "please go on", RuntimeError("scripted")])


@settings(max_examples=40, deadline=None)
@given(
    acts=st.lists(ACTS, max_size=8),
    words=st.lists(WORDS, max_size=6),
    stt_delay=st.sampled_from([0.0, 0.1, 0.9, 9.0]),
    dialog_delay=st.sampled_from([0.0, 0.15, 2.0, 20.0]),
    tts_failures=st.sampled_from([0, 0, 1, 5]),
    barge_in=st.booleans(),
)
def test_any_call_ends_once_typed_and_tidied_up(  # noqa: PLR0917 - drawn by name
    acts: list[Act],
    words: list[str | Exception],
    stt_delay: float,
    dialog_delay: float,
    tts_failures: int,
    barge_in: bool,
) -> None:
    replies = [Reply("one two three four five six"), Reply("seven eight"), Reply("")]
    call = Call(
        dialog=ScriptedAnswers(replies, delay_seconds=dialog_delay),
        stt=ScriptedStt(words, delay_seconds=stt_delay),
        tts=ScriptedTts(failures=tts_failures),
        config=agent_config(
            turn=TurnSpec(no_input_seconds=4, barge_in=BargeIn(enabled=barge_in)),
            limits=Limits(max_call_seconds=60),
        ),
    )

    async def script(caller: LoopbackCaller) -> None:
        for act in acts:
            await act(caller)

    transport = call.play(script)

    assert call.ended.outcome is call.outcome
    assert call.outcome is not Outcome.FAILED or tts_failures or dialog_delay > 8
    assert call.seconds <= 61
    assert transport.closed.is_set()
    assert call.stt.open_streams == call.tts.open_streams == 0
    assert all(reply.text.startswith(reply.heard) for reply in call.replies)
    assert len({turn.turn for turn in call.turns}) == len(call.turns)
    answered = [reply.turn for reply in call.replies if reply.turn_latency_ms is not None]
    assert len(set(answered)) == len(answered)
