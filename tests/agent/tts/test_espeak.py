"""Real espeak-ng from its wheel."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest

from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.base import TextToSpeechError
from switchboard_agent.tts.espeak import EspeakTts
from switchboard_contract.crd.voice_agent import TtsSpec

_SPEC = TtsSpec()
_SENTENCE = "Thank you for calling Smile Dental. How can I help you?"


@pytest.fixture
async def tts() -> AsyncIterator[EspeakTts]:
    synthesizer = EspeakTts()
    await synthesizer.prepare(_SPEC)
    yield synthesizer
    await synthesizer.aclose()


async def _spoken(tts: EspeakTts, text: str, spec: TtsSpec = _SPEC) -> Pcm:
    chunks = [chunk async for chunk in tts.synthesize(text, spec)]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


async def test_speech_has_telephone_level_and_no_silence_before_it(tts: EspeakTts) -> None:
    pcm = await _spoken(tts, _SENTENCE)
    loud = pcm[np.abs(pcm.astype(np.int32)) > 300].astype(np.float64)
    assert 20 * np.log10(np.sqrt(np.mean(loud**2)) / 32768) == pytest.approx(-20, abs=2)
    assert np.abs(pcm.astype(np.int32)).max() < 32_767
    assert np.flatnonzero(np.abs(pcm) > 300)[0] < 16_000 * 0.02
    assert 2.5 < len(pcm) / 16_000 < 5


async def test_a_faster_rate_takes_less_time(tts: EspeakTts) -> None:
    slow = await _spoken(tts, _SENTENCE, TtsSpec(rate_wpm=120))
    fast = await _spoken(tts, _SENTENCE, TtsSpec(rate_wpm=240))
    assert 1.5 < len(slow) / len(fast) < 2.5


async def test_digits_are_spoken_one_by_one(tts: EspeakTts) -> None:
    one_by_one = await _spoken(tts, "5 5 5, 1 2 3 4")
    as_words = await _spoken(tts, "five five five, one two three four")
    assert len(one_by_one) == pytest.approx(len(as_words), rel=0.1)


async def test_a_prompt_spoken_again_sounds_the_same(tts: EspeakTts) -> None:
    first = await _spoken(tts, _SENTENCE)
    assert np.array_equal(await _spoken(tts, _SENTENCE), first)
    assert tts._cache.held_bytes == first.nbytes


async def test_audio_comes_in_pieces_before_the_end(tts: EspeakTts) -> None:
    chunks = [chunk async for chunk in tts.synthesize(_SENTENCE, _SPEC)]
    assert len(chunks) > 10
    assert len(chunks[0]) < 16_000 * 0.2


async def test_closing_early_stops_the_work_and_frees_the_voice(tts: EspeakTts) -> None:
    story = "A very long story. " * 300
    chunks = tts.synthesize(story, _SPEC)
    await anext(chunks)
    assert isinstance(chunks, AsyncGenerator)
    await chunks.aclose()
    async with asyncio.timeout(10):
        assert len(await _spoken(tts, "Next."))
    assert (story, _SPEC.voice, _SPEC.rate_wpm) not in tts._cache._audio


async def test_calls_that_speak_at_once_do_not_mix(tts: EspeakTts) -> None:
    texts = [" ".join(["hello"] * count) for count in (1, 4, 2, 6, 3)]
    apart = [await _spoken(tts, text) for text in texts]
    fresh = EspeakTts(cache_bytes=0)
    together = await asyncio.gather(*(_spoken(fresh, text) for text in texts))
    assert [len(pcm) for pcm in together] == pytest.approx([len(pcm) for pcm in apart], rel=0.02)
    await fresh.aclose()


@pytest.mark.parametrize("text", ["", "   ", "\0", "\N{GRINNING FACE}", "<speak>&", "[[hello]]"])
async def test_odd_text_is_spoken_or_silent_but_never_an_error(tts: EspeakTts, text: str) -> None:
    assert len(await _spoken(tts, text)) < 16_000 * 10


async def test_a_voice_that_does_not_exist_is_refused_with_a_remedy(tts: EspeakTts) -> None:
    with pytest.raises(TextToSpeechError, match="no voice en-gb: try"):
        await tts.prepare(TtsSpec(voice="en-gb"))
    with pytest.raises(TextToSpeechError, match="no voice"):
        await _spoken(tts, "Hello.", TtsSpec(voice="en-gb"))
