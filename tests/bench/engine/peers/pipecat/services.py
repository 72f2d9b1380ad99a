"""The same made-up providers and caller, at Pipecat's seams."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import fields

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.time import time_now_iso8601

from tests.bench.engine.caller import Caller
from tests.bench.engine.script import (
    LLM_FIRST_MS,
    LLM_TOKEN_MS,
    RATE_HZ,
    TTS_FIRST_MS,
    Pcm,
    tokens,
    voice,
)

_WORDS_KNOWN_SECONDS = 0.35
"""What Pipecat is told to expect of the recogniser: its figure for Deepgram. Below its detector's
200 ms it warns of late turn ends."""


class Recogniser(STTService):
    """Has the words when the caller says that a recogniser would."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(
            ttfs_p99_latency=_WORDS_KNOWN_SECONDS,
            settings=STTSettings(model=None, language=None),
        )
        caller.on_words = self._tell

    def _tell(self, text: str) -> None:
        frame = TranscriptionFrame(text, "caller", time_now_iso8601(), finalized=True)
        self.create_task(self.push_frame(frame))

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield None


class Model(LLMService):
    """Forty tokens at fifty a second."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(settings=LLMSettings(**_NO_SETTINGS))
        self._caller = caller

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self._caller.asked()
        await self.push_frame(LLMFullResponseStartFrame())
        loop = asyncio.get_running_loop()
        due = loop.time() + LLM_FIRST_MS / 1000
        for token in tokens():
            await asyncio.sleep(max(0.0, due - loop.time()))
            due += LLM_TOKEN_MS / 1000
            await self.push_frame(LLMTextFrame(token))
        await self.push_frame(LLMFullResponseEndFrame())


_NO_SETTINGS = dict.fromkeys(one.name for one in fields(LLMSettings) if one.name != "extra")


class Synthesiser(TTSService):
    """Speaks after 80 ms."""

    def __init__(self) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=RATE_HZ,
            settings=TTSSettings(model=None, voice=None, language=None),
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await asyncio.sleep(TTS_FIRST_MS / 1000)
        yield TTSAudioRawFrame(voice(text).tobytes(), RATE_HZ, 1, context_id=context_id)


def parameters() -> TransportParams:
    """Audio both ways at the caller's rate."""
    return TransportParams(
        audio_in_enabled=True,
        audio_in_sample_rate=RATE_HZ,
        audio_out_enabled=True,
        audio_out_sample_rate=RATE_HZ,
    )


class Microphone(BaseInputTransport):
    """Frames of the caller."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(parameters())
        self._caller = caller
        self._frames: asyncio.Queue[Pcm] = asyncio.Queue()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._caller.send = self._frames.put_nowait
        self.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            pcm = await self._frames.get()
            await self.push_audio_frame(InputAudioRawFrame(pcm.tobytes(), RATE_HZ, 1))


class Loudspeaker(BaseOutputTransport):
    """Plays in real time to the caller, as Pipecat's network transports do."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(parameters())
        self._caller = caller
        self._plays_until = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self._caller.hear(len(frame.audio) // 2)
        seconds = len(frame.audio) / 2 / RATE_HZ
        wait = max(0.0, self._plays_until - time.monotonic())
        await asyncio.sleep(wait)
        self._plays_until = (self._plays_until if wait else time.monotonic()) + seconds
        return True
