"""Fixed phrases are spoken ahead and outlive their synthesiser."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from typing_extensions import override

from switchboard_agent.fixed_phrases import fixed_phrases
from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.kept import KeptPhrases
from switchboard_contract.crd.turn import Filler, TurnSpec
from switchboard_contract.crd.voice_agent import TtsSpec
from tests.agent.engine.calls import agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedTts
from tests.support.virtual_time import run_virtual

SPEC = TtsSpec()


async def spoken(tts: KeptPhrases, text: str, spec: TtsSpec = SPEC) -> Pcm:
    return np.concatenate([chunk async for chunk in tts.synthesize(text, spec)])


def test_a_kept_phrase_sounds_the_same_and_is_not_asked_for_again() -> None:
    async def main() -> None:
        provider = ScriptedTts()
        tts = KeptPhrases(provider)
        before = await spoken(tts, "good morning everybody")
        await tts.keep(["good morning everybody", ""], SPEC)
        assert np.array_equal(await spoken(tts, "good morning everybody"), before)
        await tts.keep(["good morning everybody"], SPEC)
        assert len(provider.spoken) == 2

    run_virtual(main())


def test_another_voice_is_another_phrase() -> None:
    async def main() -> None:
        provider = ScriptedTts()
        tts = KeptPhrases(provider)
        await tts.keep(["good morning"], SPEC)
        await spoken(tts, "good morning", TtsSpec(voice="en-gb"))
        assert len(provider.spoken) == 2

    run_virtual(main())


def test_what_cannot_be_spoken_ahead_is_asked_for_in_the_call() -> None:
    async def main() -> None:
        provider = ScriptedTts(failures=1)
        tts = KeptPhrases(provider)
        await tts.keep(["good morning"], SPEC)
        assert len(await spoken(tts, "good morning"))
        assert provider.open_streams == 0

    run_virtual(main())


class HangingTts(ScriptedTts):
    @override
    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        self.open_streams += 1
        try:
            await asyncio.sleep(3600)
            yield np.zeros(1, np.int16)
        finally:
            self.open_streams -= 1


class NoisyTts(ScriptedTts):
    @override
    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        yield np.zeros(100, np.float32)


def test_a_synthesiser_that_hangs_does_not_hold_up_its_worker() -> None:
    async def main() -> None:
        provider = HangingTts()
        await KeptPhrases(provider).keep(["one", "two"], SPEC)
        assert asyncio.get_running_loop().time() <= 5.0
        assert provider.open_streams == 0

    run_virtual(main())


def test_garbage_is_not_kept() -> None:
    async def main() -> None:
        tts = KeptPhrases(NoisyTts())
        await tts.keep(["one"], SPEC)
        assert (await spoken(tts, "one")).dtype == np.float32, "asked for again"

    run_virtual(main())


def test_what_every_caller_may_hear_is_fixed() -> None:
    config = agent_config(turn=TurnSpec(filler=Filler(phrases=["Let me check."])))
    phrases = fixed_phrases(config, ScriptedAnswers())
    assert phrases[0].startswith("Sorry")
    assert phrases[1].endswith("Goodbye.")
    assert phrases[2:] == ["", "hello", "Let me check."]
