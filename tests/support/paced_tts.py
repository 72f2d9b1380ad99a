"""A synthesiser that takes its time: late with the first byte, then a bit faster than speech."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_contract.crd.voice_agent import TtsSpec

MS_PER_LETTER = 62.5
"""The usual rate, by which a part is measured whose audio is not complete."""


@dataclass
class PacedTts:
    """Speaks a tone."""

    first_byte_seconds: float = 0.3
    real_time_factor: float = 0.5
    """Time to make a second of audio."""
    chunk_ms: int = 40
    asked: list[str] = field(default_factory=list)
    open_streams: int = 0

    async def prepare(self, spec: TtsSpec) -> None:
        """Nothing to warm."""

    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        """A sound as long as the text, no sample of which is zero."""
        assert spec.voice
        self.asked.append(text)
        self.open_streams += 1
        try:
            await asyncio.sleep(self.first_byte_seconds)
            samples = round(len(text) * MS_PER_LETTER * SAMPLE_RATE_HZ / 1000)
            audio = np.tile(np.array([3000, -3000], np.int16), samples // 2 + 1)[:samples]
            size = self.chunk_ms * SAMPLE_RATE_HZ // 1000
            for start in range(0, len(audio), size):
                if start:
                    await asyncio.sleep(self.chunk_ms / 1000 * self.real_time_factor)
                yield audio[start : start + size]
        finally:
            self.open_streams -= 1

    async def aclose(self) -> None:
        """Nothing to free."""
