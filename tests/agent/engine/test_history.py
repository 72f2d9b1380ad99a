"""History is what was heard, to the word, however and whenever the caller interrupts."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import FRAME_MS
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import ReplySpoken
from tests.agent.engine.calls import Call
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone

MS_PER_LETTER = 60
WORDS = st.lists(st.text("abcdefg", min_size=1, max_size=9), min_size=1, max_size=14).map(" ".join)
SOUNDS = st.tuples(
    st.floats(0.0, 3.0),
    st.sampled_from([130, 350, 900, 1500]),
    st.sampled_from(["", "uh-huh", "stop", "i want something else"]),
)


def words_on_the_wire(transport: LoopbackTransport, reply: ReplySpoken, until_ms: float) -> str:
    """Words of which half the letters were sent, counted from the frames that were."""
    begin_ms = reply.started_call_ms - 0.5
    agent = transport.recording.agent
    # The greeting's first frame begins the call's clock.
    at_ms = [1000 * (heard.at_seconds - agent[0].at_seconds) for heard in agent]
    sent = [ms for ms in at_ms if begin_ms <= ms < until_ms]
    letters = len(sent) * FRAME_MS / MS_PER_LETTER
    heard, at = [], 0
    for word in reply.text.split():
        if at + len(word) / 2 > letters:
            break
        heard.append(word)
        at += len(word) + 1
    return " ".join(heard)


@settings(max_examples=30, deadline=None)
@given(answers=st.lists(WORDS, min_size=1, max_size=3), sounds=st.lists(SOUNDS, max_size=5))
def test_history_is_what_was_heard_over_random_interruptions(
    answers: list[str], sounds: list[tuple[float, int, str]]
) -> None:
    call = Call(
        dialog=ScriptedAnswers([Reply(text) for text in answers]),
        stt=ScriptedStt(["tell me", *(words for _, _, words in sounds)]),
    )

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        for wait, ms, _ in sounds:
            await caller.wait_for_agent()
            await asyncio.sleep(wait)
            await caller.say(tone(ms))
        await caller.wait_for_silence(2)
        caller.hang_up()

    transport = call.play(script)
    starts = [reply.started_call_ms - 0.5 for reply in call.replies[1:]]
    for reply, until_ms in zip(call.replies, [*starts, float("inf")], strict=True):
        assert reply.heard == words_on_the_wire(transport, reply, until_ms)
    assert call.dialog.heard_of == [reply.heard for reply in call.replies]
