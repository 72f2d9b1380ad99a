"""Recogniser and voice of a call are those that its agent names, each made once."""

import pytest

from switchboard_agent.stt.base import SpeechToTextError
from switchboard_agent.stt.chosen import ChosenStt
from switchboard_agent.tts.chosen import ChosenTts
from switchboard_contract.crd.voice_agent import SttProvider, TtsProvider, TtsSpec
from tests.agent.dialog.sample import sample_config
from tests.support.speech_fakes import ScriptedStt, ScriptedTts


async def test_a_recogniser_is_made_when_an_agent_first_names_it_and_shared_from_then_on() -> None:
    made: list[SttProvider] = []
    recogniser = ScriptedStt(["hello"])

    def make(provider: SttProvider) -> ScriptedStt:
        made.append(provider)
        return recogniser

    stt, config = ChosenStt(make), sample_config()
    assert made == []
    for _ in range(2):
        await stt.prepare(config)
        stt.open(config, lambda _: None)
    assert made == [config.stt.provider]
    assert recogniser.open_streams == 2
    await stt.aclose()
    with pytest.raises(SpeechToTextError, match="not prepared"):
        stt.open(config, lambda _: None)


async def test_a_voice_is_made_when_an_agent_first_names_it_and_shared_from_then_on() -> None:
    made: list[TtsProvider] = []

    def make(provider: TtsProvider) -> ScriptedTts:
        made.append(provider)
        return ScriptedTts()

    tts, spec = ChosenTts(make), TtsSpec()
    for _ in range(2):
        await tts.prepare(spec)
        assert [chunk async for chunk in tts.synthesize("hello", spec)]
    assert made == [spec.provider]
    await tts.aclose()
