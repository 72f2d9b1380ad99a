"""Audio of a synthesiser, looked at before it is played: what is no audio is an error."""

from collections.abc import AsyncIterator
from typing import Final

import numpy as np

from switchboard_agent.speech_failure import GarbageError
from switchboard_agent.transport.base import Pcm

_MOST_EMPTY: Final = 100
"""Chunks without a sample, one after the other."""


async def next_audio(chunks: AsyncIterator[Pcm]) -> Pcm | None:
    """Next chunk that is not empty; None at the end.

    Raises `GarbageError`, and what the synthesiser raises.
    """
    for _ in range(_MOST_EMPTY):
        chunk = await anext(chunks, None)
        if chunk is None or len(_samples(chunk)):
            return chunk
    raise GarbageError("chunks without audio")


async def whole(chunks: AsyncIterator[Pcm]) -> Pcm:
    """All audio of a synthesis, at its end. Raises as `next_audio` does."""
    audio = [np.zeros(0, np.int16)]
    try:
        while (chunk := await next_audio(chunks)) is not None:
            audio.append(chunk)
    finally:
        await close(chunks)
    return np.concatenate(audio)


def _samples(chunk: object) -> Pcm:
    if isinstance(chunk, np.ndarray) and chunk.dtype == np.int16 and chunk.ndim == 1:
        return chunk
    raise GarbageError("no 16-bit samples of one channel")


async def close(chunks: AsyncIterator[Pcm]) -> None:
    """End the synthesis, wherever it is: the provider stops working on it."""
    end = getattr(chunks, "aclose", None)
    if end is not None:
        await end()
