"""Phrases that an agent says in every call, spoken ahead: they begin at once and never fail.

What is fixed (greeting, notices, fillers, what is said when a provider fails) is synthesised when
an agent revision is prepared. A synthesiser that is out of order then takes the answers from a
call, not its voice: the caller is told.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Final

from typing_extensions import override

from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.base import TextToSpeech
from switchboard_agent.tts.cache import Key, PromptCache
from switchboard_agent.tts.checked import whole
from switchboard_contract.crd.voice_agent import TtsSpec

_log = logging.getLogger(__name__)

_CAPACITY_BYTES: Final = 16 * 1024 * 1024
"""About nine minutes: fixed phrases of some thirty agents."""
_KEEP_SECONDS: Final = 5.0
"""For all phrases of one revision; no call waits for them, but its worker does."""


class KeptPhrases(TextToSpeech):
    """A synthesiser that need not be asked for what was kept."""

    def __init__(self, tts: TextToSpeech) -> None:
        self._tts = tts
        self._kept = PromptCache(_CAPACITY_BYTES)

    @override
    async def prepare(self, spec: TtsSpec) -> None:
        await self._tts.prepare(spec)

    async def keep(self, texts: Iterable[str], spec: TtsSpec) -> None:
        """Speak these ahead. What cannot be spoken now is asked for in each call."""
        try:
            async with asyncio.timeout(_KEEP_SECONDS):
                for text in texts:
                    await self._speak(text, spec)
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way; calls need it not
            fields = {"voice": spec.voice, "reason": type(error).__name__}
            _log.warning("fixed phrases could not be spoken ahead", extra=fields)

    @override
    def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        kept = self._kept.get(_key(text, spec))
        return self._tts.synthesize(text, spec) if kept is None else _one(kept)

    @override
    async def aclose(self) -> None:
        await self._tts.aclose()

    async def _speak(self, text: str, spec: TtsSpec) -> None:
        if not text or self._kept.get(_key(text, spec)) is not None:
            return
        audio = await whole(self._tts.synthesize(text, spec))
        if len(audio):
            self._kept.put(_key(text, spec), audio)


def _key(text: str, spec: TtsSpec) -> Key:
    return f"{spec.provider}:{text}", spec.voice, spec.rate_wpm


async def _one(audio: Pcm) -> AsyncIterator[Pcm]:
    yield audio
