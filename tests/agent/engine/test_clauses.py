"""A reply of several clauses: no gap between them, little made in vain, history as heard."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from switchboard_agent.dialog.base import CallerTurn, Reply
from switchboard_agent.transport.base import FRAME_MS, SAMPLE_RATE_HZ
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import ReplySpoken
from tests.agent.engine.calls import Call
from tests.support.paced_tts import MS_PER_LETTER, PacedTts
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone

CLAUSES = ["yes", "of course", "we open at nine", "and we close at five", "ok", "bye now"]


@dataclass
class Written:
    """Parts of a reply, each written after a delay."""

    texts: deque[str]
    seconds: float = 0.0
    closed: int = 0

    def heard_for(self, seconds: Callable[[], float]) -> None:
        """Nobody is waited for."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reply:
        if not self.texts:
            raise StopAsyncIteration
        await asyncio.sleep(self.seconds)
        return Reply(self.texts.popleft())

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Clauses(ScriptedAnswers):
    """Answers every turn with the same clauses."""

    texts: list[str] = field(default_factory=lambda: list(CLAUSES))
    seconds: float = 0.0
    written: list[Written] = field(default_factory=list)

    @override
    async def respond(self, turn: CallerTurn) -> Reply:
        first, *rest = self.texts
        self.written.append(Written(deque(rest), self.seconds))
        return Reply(first, more=self.written[-1])


def call_of(tts: PacedTts, dialog: Clauses | None = None, *words: str) -> Call:
    stt = ScriptedStt(["tell me", *words])
    return Call(dialog=dialog or Clauses(), stt=stt, tts=tts)  # type: ignore[arg-type]


async def asks(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()
    await caller.wait_for_silence(1.5)
    caller.hang_up()


def sound_of(transport: LoopbackTransport, reply: ReplySpoken, until_ms: float) -> dict[float, int]:
    """Samples of sound in each frame of a reply, by the millisecond of the call it was sent at.

    A frame whose rest is not there in time is filled up with silence.
    """
    answered = transport.recording.caller[0].at_seconds
    sent = {
        (heard.at_seconds - answered) * 1000: int(np.count_nonzero(heard.frame))
        for heard in transport.recording.agent
    }
    return {ms: sound for ms, sound in sent.items() if reply.started_call_ms - 1 <= ms < until_ms}


def underruns(call: Call) -> float:
    found = call.telemetry.registry.get_sample_value("switchboard_playback_underruns_total")
    return found or 0.0


@pytest.mark.parametrize("first_byte_seconds", [0.08, 0.3])
@pytest.mark.parametrize("real_time_factor", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("chunk_ms", [10, 40, 200])
def test_no_silence_between_clauses_whose_text_is_there(
    first_byte_seconds: float, real_time_factor: float, chunk_ms: int
) -> None:
    call = call_of(PacedTts(first_byte_seconds, real_time_factor, chunk_ms))
    transport = call.play(asks)
    (reply,) = call.replies[1:]
    frames = list(sound_of(transport, reply, float("inf")))
    gaps = [after - before for before, after in pairwise(frames)]
    assert max(gaps) <= FRAME_MS + 0.001
    assert len(frames) * FRAME_MS >= MS_PER_LETTER * sum(map(len, CLAUSES))
    assert reply.heard == reply.text == " ".join(CLAUSES)
    assert underruns(call) == 0


def test_text_that_comes_while_a_clause_is_heard_leaves_no_silence_either() -> None:
    texts = ["of course we do", "we open at nine", "and we close at five", "every day"]
    call = call_of(PacedTts(real_time_factor=0.9), Clauses(texts=texts, seconds=0.5))
    transport = call.play(asks)
    frames = list(sound_of(transport, call.replies[1], float("inf")))
    gaps = [after - before for before, after in pairwise(frames)]
    assert max(gaps) <= FRAME_MS + 0.001


def test_a_synthesiser_slower_than_its_clauses_is_counted_as_underruns() -> None:
    """Three words of 125 ms each with 700 ms to the first byte: nobody could bridge that."""
    call = call_of(PacedTts(0.7), Clauses(texts=["hi", "ho", "he", "ha"]))
    call.play(asks)
    assert underruns(call) > 10


def test_two_clauses_are_made_before_the_caller_hears_the_first_and_never_more_ahead() -> None:
    tts = PacedTts(0.1, 0.05)
    call = call_of(tts, Clauses(texts=["one two three four five six seven"] * 9))
    seen: list[int] = []

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        tts.asked.clear()
        await caller.say(tone(800))
        await caller.wait_for_agent()
        for _ in range(3):
            await asyncio.sleep(0.5)
            seen.append(len(tts.asked))
            await asyncio.sleep(33 * MS_PER_LETTER / 1000 - 0.5)
        caller.hang_up()

    call.play(script)
    assert seen == [3, 4, 5], "the one that is heard, and two"
    assert tts.open_streams == 0


def test_an_interruption_closes_every_stream_at_once() -> None:
    tts = PacedTts(0.1, 0.9)
    call = call_of(tts, Clauses(texts=["one two three four five six seven"] * 5))
    streams: list[int] = []

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(0.3)
        streams.append(tts.open_streams)
        caller.press("1")
        for _ in range(4):
            await asyncio.sleep(0)
        streams.append(tts.open_streams)
        caller.hang_up()

    call.play(script)
    assert streams == [3, 0]


PLACES = st.tuples(st.floats(0.0, 4.0), st.sampled_from([130, 400, 1500]))
WORDS = st.text("abcdefg", min_size=1, max_size=9)
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=6)


def letters_heard(text: str, letters: float) -> str:
    """Words of which half the letters are among the first ones."""
    heard, at = [], 0
    for word in text.split():
        if at + len(word) / 2 > letters:
            break
        heard.append(word)
        at += len(word) + 1
    return " ".join(heard)


def words_on_the_wire(texts: list[str], samples: int) -> str:
    """What the samples say: each clause is as long as its letters."""
    letters, heard = samples * 1000 / SAMPLE_RATE_HZ / MS_PER_LETTER, []
    for text in texts:
        heard.append(text if letters >= len(text) else letters_heard(text, letters))
        letters = max(0.0, letters - len(text))
    return " ".join(words for words in heard if words)


@settings(max_examples=60, deadline=None)
@given(
    texts=TEXTS,
    places=st.lists(PLACES, max_size=3),
    hangs_up_after=st.floats(0.0, 6.0),
    first_byte_seconds=st.sampled_from([0.0, 0.08, 0.3]),
    real_time_factor=st.sampled_from([0.01, 0.3, 0.9]),
    writing_seconds=st.sampled_from([0.0, 0.1, 0.6]),
)
def test_interrupted_anywhere_history_is_what_was_heard_and_no_stream_stays_open(  # noqa: PLR0917
    texts: list[str],
    places: list[tuple[float, int]],
    hangs_up_after: float,
    first_byte_seconds: float,
    real_time_factor: float,
    writing_seconds: float,
) -> None:
    tts = PacedTts(first_byte_seconds, real_time_factor)
    dialog = Clauses(texts=texts, seconds=writing_seconds)
    call = call_of(tts, dialog, *(["stop"] * len(places)))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        for wait, ms in places:
            await caller.wait_for_agent()
            await asyncio.sleep(wait)
            await caller.say(tone(ms))
        await asyncio.sleep(hangs_up_after)
        caller.hang_up()

    transport = call.play(script)
    assert tts.open_streams == 0
    assert all(written.closed for written in dialog.written)
    starts = [reply.started_call_ms - 1.0 for reply in call.replies[1:]]
    for reply, until_ms in zip(call.replies, [*starts, float("inf")], strict=True):
        if reply.text in {"hello", "are you there"}:
            continue
        samples = sum(sound_of(transport, reply, until_ms).values())
        assert reply.heard == words_on_the_wire(texts, samples)
        assert reply.text.startswith(reply.heard)
    assert call.dialog.heard_of == [reply.heard for reply in call.replies]
