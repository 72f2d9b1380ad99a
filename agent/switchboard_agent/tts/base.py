"""The seam to speech synthesisers."""

from collections.abc import AsyncIterator
from typing import Protocol

from switchboard_agent.transport.base import Pcm
from switchboard_contract.crd.voice_agent import TtsSpec


class TextToSpeech(Protocol):
    """A synthesiser shared by all calls of a worker."""

    async def prepare(self, spec: TtsSpec) -> None:
        """Make ready. Raises `TextToSpeechError` if the voice does not exist."""

    def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        """Speak `text`: chunks of 16 kHz PCM of any length, faster than real time.

        Closing the iterator early (`aclose`) stops the work. Raises `TextToSpeechError`.
        """

    async def aclose(self) -> None:
        """Free the synthesiser."""


class TextToSpeechError(Exception):
    """The synthesiser failed or does not know the voice."""
