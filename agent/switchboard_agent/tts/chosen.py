"""Each call's voice: that of the synthesiser which its agent names.

Made when the first revision that names it is prepared, and shared by all calls from then on.
"""

from collections.abc import AsyncIterator, Callable

from typing_extensions import override

from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.base import TextToSpeech
from switchboard_contract.crd.voice_agent import TtsProvider, TtsSpec


class ChosenTts(TextToSpeech):
    """See the module."""

    def __init__(self, make: Callable[[TtsProvider], TextToSpeech]) -> None:
        self._make = make
        self._made: dict[TtsProvider, TextToSpeech] = {}

    @override
    async def prepare(self, spec: TtsSpec) -> None:
        await self._of(spec).prepare(spec)

    @override
    def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        return self._of(spec).synthesize(text, spec)

    @override
    async def aclose(self) -> None:
        made, self._made = self._made, {}
        for provider in made.values():
            await provider.aclose()

    def _of(self, spec: TtsSpec) -> TextToSpeech:
        if spec.provider not in self._made:
            self._made[spec.provider] = self._make(spec.provider)
        return self._made[spec.provider]
