"""From the provider that a VoiceAgent names to the synthesiser that speaks for it."""

from switchboard_agent.tts.base import TextToSpeech
from switchboard_agent.tts.espeak import EspeakTts
from switchboard_contract.crd.voice_agent import TtsProvider


def make_tts(provider: TtsProvider) -> TextToSpeech:
    """The synthesiser, shared by all calls of the worker."""
    match provider:
        case TtsProvider.ESPEAK_NG:
            return EspeakTts()
