"""Text to speech without an account: espeak-ng from its wheel, in one thread.

Audio is handed to the event loop as it is made, the first of it within a millisecond or two, the
rest hundreds of times faster than real time. Prompts that were spoken to their end are kept.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from typing_extensions import override

from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.base import TextToSpeech, TextToSpeechError
from switchboard_agent.tts.cache import PromptCache
from switchboard_agent.tts.espeak_library import SAMPLE_RATE_HZ, EspeakLibrary, Speech
from switchboard_agent.tts.shaping import Shaper, gain_for
from switchboard_contract.crd.voice_agent import TtsSpec

_CACHE_BYTES: Final = 16 * 1024 * 1024
"""About nine minutes of prompts."""
_MEASURED: Final = "The quick brown fox jumps over the lazy dog, and then we all had a good lunch."
"""A sentence with the usual share of loud and soft sounds."""


class EspeakTts(TextToSpeech):
    """The synthesiser, shared by all calls of a worker."""

    def __init__(self, cache_bytes: int = _CACHE_BYTES) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")
        self._library: EspeakLibrary | None = None
        self._gains: dict[Speech, float] = {}
        self._cache = PromptCache(cache_bytes)

    @override
    async def prepare(self, spec: TtsSpec) -> None:
        speech = Speech(spec.voice, spec.rate_wpm)
        if speech not in self._gains:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._measure, speech)

    @override
    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        key = (text, spec.voice, spec.rate_wpm)
        held = self._cache.get(key)
        if held is not None:
            yield held
            return
        spoken: list[Pcm] = []
        async with aclosing(self._speak(text, Speech(spec.voice, spec.rate_wpm))) as chunks:
            async for chunk in chunks:
                spoken.append(chunk)
                yield chunk
        if spoken:
            self._cache.put(key, np.concatenate(spoken))

    @override
    async def aclose(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _speak(self, text: str, speech: Speech) -> AsyncGenerator[Pcm]:
        loop = asyncio.get_running_loop()
        job = _Job(loop, text, speech)
        done = loop.run_in_executor(self._executor, self._work, job)
        try:
            while (chunk := await job.chunks.get()) is not None:
                yield chunk
            await done
        finally:
            job.stopped.set()

    def _work(self, job: "_Job") -> None:
        """One utterance, in the thread."""
        try:
            shaper = Shaper(SAMPLE_RATE_HZ, self._gain(job.speech))

            def on_audio(pcm: Pcm) -> bool:
                job.put(shaper.process(pcm))
                return not job.stopped.is_set()

            if not job.stopped.is_set():
                self._loaded().speak(job.text, job.speech, on_audio)
            job.put(shaper.flush())
        finally:
            job.end()

    def _gain(self, speech: Speech) -> float:
        if speech not in self._gains:
            self._measure(speech)
        return self._gains[speech]

    def _measure(self, speech: Speech) -> None:
        chunks: list[Pcm] = []

        def on_audio(pcm: Pcm) -> bool:
            chunks.append(pcm)
            return True

        self._loaded().speak(_MEASURED, speech, on_audio)
        if not chunks:
            raise TextToSpeechError(f"espeak-ng voice {speech.voice} makes no sound")
        self._gains[speech] = gain_for(np.concatenate(chunks))

    def _loaded(self) -> EspeakLibrary:
        if self._library is None:
            self._library = EspeakLibrary()
        return self._library


@dataclass(slots=True)
class _Job:
    """One utterance between the thread that makes it and the call that plays it."""

    loop: asyncio.AbstractEventLoop
    text: str
    speech: Speech
    chunks: "asyncio.Queue[Pcm | None]" = field(default_factory=asyncio.Queue)
    stopped: threading.Event = field(default_factory=threading.Event)

    def put(self, pcm: Pcm) -> None:
        if len(pcm):
            self.loop.call_soon_threadsafe(self.chunks.put_nowait, pcm)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.chunks.put_nowait, None)
