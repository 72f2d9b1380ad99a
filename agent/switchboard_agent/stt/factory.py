"""From the provider that a VoiceAgent names to the recogniser that hears its callers."""

from switchboard_agent.stt.base import SpeechToText
from switchboard_agent.stt.pocketsphinx import PocketsphinxStt
from switchboard_contract.crd.voice_agent import SttProvider


def make_stt(provider: SttProvider, *, processes: int) -> SpeechToText:
    """The recogniser, shared by all calls of the worker; `processes` at most one per core."""
    match provider:
        case SttProvider.POCKETSPHINX:
            return PocketsphinxStt(processes)
