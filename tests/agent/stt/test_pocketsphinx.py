"""The recogniser with its helper processes: real speech, crashes, cancellation."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from switchboard_agent.recordings import load_conversation
from switchboard_agent.stt.base import SpeechToTextError, Transcript
from switchboard_agent.stt.pocketsphinx import PocketsphinxStream, PocketsphinxStt
from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_contract.dialog import Intent, Script
from tests.agent.dialog.sample import sample_config

_CONFIG = sample_config()
_TURNS = load_conversation().turns[:4]


def _feed(stream: PocketsphinxStream, pcm: Pcm) -> None:
    stream.start_utterance()
    for at in range(0, len(pcm), FRAME_SAMPLES):
        stream.feed(pcm[at : at + FRAME_SAMPLES])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stt() -> AsyncIterator[PocketsphinxStt]:
    recognizer = PocketsphinxStt(processes=2, final_timeout_s=30)
    await recognizer.prepare(_CONFIG)
    yield recognizer
    await recognizer.aclose()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_callers_who_speak_at_once_are_all_understood(stt: PocketsphinxStt) -> None:
    partials: list[Transcript] = []
    streams = [stt.open(_CONFIG, partials.append) for _ in _TURNS]
    for stream, turn in zip(streams, _TURNS, strict=True):
        _feed(stream, turn.pcm)
    heard = await asyncio.gather(*(stream.end_utterance() for stream in streams))
    assert [final.text for final in heard] == [turn.text for turn in _TURNS]
    assert all(final.final for final in heard)
    assert partials
    assert not any(partial.final for partial in partials)


async def test_one_stream_hears_one_utterance_after_another(stt: PocketsphinxStt) -> None:
    stream = stt.open(_CONFIG, lambda _: None)
    for turn in _TURNS[:2]:
        _feed(stream, turn.pcm)
        assert (await stream.end_utterance()).text == turn.text
    await stream.aclose()


async def test_nothing_said_is_nothing_heard(stt: PocketsphinxStt) -> None:
    stream = stt.open(_CONFIG, lambda _: None)
    stream.feed(np.zeros(FRAME_SAMPLES, np.int16))
    assert await stream.end_utterance() == Transcript("", final=True)
    stream.start_utterance()
    assert await stream.end_utterance() == Transcript("", final=True)
    await stream.aclose()


async def test_a_caller_who_hangs_up_mid_word_leaves_the_helper_free(
    stt: PocketsphinxStt,
) -> None:
    stream = stt.open(_CONFIG, lambda _: None)
    _feed(stream, _TURNS[0].pcm[:4000])
    await stream.aclose()
    assert [helper.busy for helper in stt._helpers] == [0, 0]


async def test_a_cancelled_end_leaves_the_helper_free(stt: PocketsphinxStt) -> None:
    stream = stt.open(_CONFIG, lambda _: None)
    _feed(stream, _TURNS[0].pcm)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await stream.end_utterance()
    assert [helper.busy for helper in stt._helpers] == [0, 0]


async def test_a_crashed_helper_fails_its_utterance_and_is_started_again(
    stt: PocketsphinxStt,
) -> None:
    stream = stt.open(_CONFIG, lambda _: None)
    _feed(stream, _TURNS[0].pcm)
    before = set(stt.pids)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SpeechToTextError, match="ended"):
        await stream.end_utterance()
    await asyncio.gather(*(helper.load(1) for helper in stt._helpers))
    assert len(set(stt.pids) - before) == 2
    _feed(stream, _TURNS[0].pcm)
    assert (await stream.end_utterance()).text == _TURNS[0].text


async def test_preparing_the_same_script_again_costs_nothing(stt: PocketsphinxStt) -> None:
    async with asyncio.timeout(0.05):
        await stt.prepare(_CONFIG)


async def test_a_script_with_unknown_words_is_refused_by_name(stt: PocketsphinxStt) -> None:
    script = Script(greeting="Hi.", intents=[Intent(name="a", phrases=["zorbl"], say="Yes.")])
    with pytest.raises(SpeechToTextError, match="no pronunciation for: zorbl"):
        await stt.prepare(sample_config(script))


async def test_an_unprepared_script_cannot_be_heard(stt: PocketsphinxStt) -> None:
    script = Script(greeting="Hi.", intents=[Intent(name="a", phrases=["hello"], say="Yes.")])
    with pytest.raises(SpeechToTextError, match="prepare"):
        stt.open(sample_config(script), lambda _: None)


async def test_helpers_end_with_their_owner() -> None:
    recognizer = PocketsphinxStt(processes=1)
    await recognizer.prepare(_CONFIG)
    (pid,) = recognizer.pids
    await recognizer.aclose()
    assert recognizer.pids == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
