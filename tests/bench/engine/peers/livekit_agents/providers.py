"""The same made-up providers and caller, at livekit-agents' seams.

Its defaults are left alone: bundled voice activity detector, endpointing, preemptive generation.
Recogniser and synthesiser stream, because that is its fastest way.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.voice import io

from tests.bench.engine.caller import Caller
from tests.bench.engine.script import (
    FRAME_SAMPLES,
    GREETING,
    LLM_FIRST_MS,
    LLM_TOKEN_MS,
    RATE_HZ,
    TTS_FIRST_MS,
    Pcm,
    tokens,
    voice,
)


class Recogniser(stt.STT):
    """Has the words when the caller says that a recogniser would."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self._caller = caller

    async def _recognize_impl(self, *args: Any, **kwargs: Any) -> stt.SpeechEvent:
        raise AssertionError("the engine was told that the recogniser streams")

    def stream(self, *, language: Any = None, conn_options: Any = None) -> "Recognition":
        return Recognition(self._caller, stt=self, conn_options=conn_options)


class Recognition(stt.RecognizeStream):
    """One call's stream."""

    def __init__(self, caller: Caller, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        caller.on_words = self._tell

    def _tell(self, text: str) -> None:
        self._event_ch.send_nowait(
            stt.SpeechEvent(
                type=stt.SpeechEventType.FINAL_TRANSCRIPT,
                alternatives=[stt.SpeechData(language="en", text=text, confidence=1.0)],
            )
        )

    async def _run(self) -> None:
        async for _ in self._input_ch:
            pass


class Model(llm.LLM):
    """Forty tokens at fifty a second."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self._caller = caller

    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = None, **_: Any
    ) -> "Answer":
        self._caller.asked()
        options = conn_options or DEFAULT_API_CONNECT_OPTIONS
        return Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=options)


class Answer(llm.LLMStream):
    """One answer."""

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + LLM_FIRST_MS / 1000
        for token in tokens():
            await asyncio.sleep(max(0.0, due - loop.time()))
            due += LLM_TOKEN_MS / 1000
            delta = llm.ChoiceDelta(role="assistant", content=token)
            self._event_ch.send_nowait(llm.ChatChunk(id="answer", delta=delta))


class Synthesiser(tts.TTS):
    """Speaks the first word it gets after 80 ms, and the others as they come."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True),
            sample_rate=RATE_HZ,
            num_channels=1,
        )

    def synthesize(self, text: str, *, conn_options: Any = None) -> Any:
        raise AssertionError("the engine was told that the voice streams")

    def stream(self, *, conn_options: Any = None) -> "Speech":
        return Speech(tts=self, conn_options=conn_options or DEFAULT_API_CONNECT_OPTIONS)


class Speech(tts.SynthesizeStream):
    """One reply."""

    async def _run(self, output_emitter: Any) -> None:
        output_emitter.initialize(
            request_id="speech",
            sample_rate=RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
            frame_size_ms=20,
        )
        output_emitter.start_segment(segment_id="segment")
        begun = False
        async for text in self._input_ch:
            if isinstance(text, self._FlushSentinel):
                continue
            if not begun:
                self._mark_started()
                await asyncio.sleep(TTS_FIRST_MS / 1000)
                begun = True
            output_emitter.push(voice(text).tobytes())
        output_emitter.end_segment()


class Microphone(io.AudioInput):
    """Frames of the caller."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(label="caller")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()
        caller.send = self._take

    def _take(self, frame: Pcm) -> None:
        self._frames.put_nowait(rtc.AudioFrame(frame.tobytes(), RATE_HZ, 1, FRAME_SAMPLES))

    def __aiter__(self) -> AsyncIterator[rtc.AudioFrame]:
        return self

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(io.AudioOutput):
    """Plays in real time to the caller, without a device."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(
            label="caller",
            capabilities=io.AudioOutputCapabilities(pause=False),
            sample_rate=RATE_HZ,
        )
        self._caller = caller
        self._began: float | None = None
        self._seconds = 0.0
        self._ending: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._began is None:
            self._began = time.time()
            self._seconds = 0.0
            self.on_playback_started(created_at=self._began)
        self._seconds += frame.duration
        self._caller.hear(frame.samples_per_channel)

    def flush(self) -> None:
        super().flush()
        if self._began is not None and self._ending is None:
            left = self._began + self._seconds - time.time()
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(max(0.0, left), partial(self._finish, interrupted=False))

    def clear_buffer(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._caller.agent_cut()
        self._finish(interrupted=True)

    def _finish(self, *, interrupted: bool) -> None:
        self._ending = None
        if self._began is None:
            return
        played = min(self._seconds, time.time() - self._began)
        self._began = None
        self.on_playback_finished(playback_position=played, interrupted=interrupted)


async def start_session(caller: Caller, turn_handling: Any = NOT_GIVEN) -> AgentSession[None]:
    """A call, as an application would set it up."""
    session: AgentSession[None] = AgentSession(
        stt=Recogniser(caller), llm=Model(caller), tts=Synthesiser(), turn_handling=turn_handling
    )
    session.input.audio = Microphone(caller)
    session.output.audio = Loudspeaker(caller)
    await session.start(Agent(instructions="You are a receptionist."), record=False)
    session.say(GREETING)
    return session
