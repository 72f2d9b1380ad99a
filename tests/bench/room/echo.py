"""An agent without a mind: it hums when it hears something. What is left is the media path."""

import asyncio

import numpy as np

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.audio.track import track_of
from switchboard_agent.recovery.base import Handover
from switchboard_agent.transport.base import (
    FRAME_MS,
    FRAME_SAMPLES,
    CallTransport,
    CloseReason,
    Pcm,
)
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import Outcome
from tests.bench.room.voice import speak

LOUD = 600
"""Highest sample of a frame above which somebody speaks; the callers' comfort noise lies below."""
QUIET_MS = 400
"""After so long the next sound is another word."""
_HUM = speak("half a second.").reshape(-1, FRAME_SAMPLES)


class _EchoCall:
    def __init__(self, transport: CallTransport, pacer: Pacer) -> None:
        self._track = track_of(transport, pacer)
        self._hum: list[Pcm] = []
        self._heard_ms = 0
        self._last_loud_ms = -QUIET_MS
        self._first_loud_ms: int | None = None
        self.first_word_ms: int | None = None
        """From its first to its last loud frame."""
        self.over = asyncio.Event()

    def on_audio(self, frame: Pcm) -> None:
        self._heard_ms += FRAME_MS
        if np.abs(frame).max() <= LOUD:
            return
        another = self._heard_ms - self._last_loud_ms > QUIET_MS
        if another and self._first_loud_ms is None:
            self._first_loud_ms = self._heard_ms
        elif another and self.first_word_ms is None:
            self._end_first_word()
        self._last_loud_ms = self._heard_ms
        if another:
            self._hum = list(_HUM)
            self._track.start(self._play_next)

    def _end_first_word(self) -> None:
        assert self._first_loud_ms is not None, "a word has begun"
        self.first_word_ms = self._last_loud_ms - self._first_loud_ms + FRAME_MS

    def _play_next(self) -> bool:
        if self._hum:
            self._track.play(self._hum.pop(0))
        return bool(self._hum)

    def on_dtmf(self, digit: str) -> None:
        """Keys are no sound."""

    def on_closed(self, reason: CloseReason) -> None:  # noqa: ARG002 the seam
        if self.first_word_ms is None and self._first_loud_ms is not None:
            self._end_first_word()
        self._track.close()
        self.over.set()


class EchoEngine:
    """Stands where the engine stands."""

    def __init__(self) -> None:
        self._pacer = Pacer()
        self.first_words_ms: list[int] = []
        """How long the first word of each call was heard."""

    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    async def run_call(
        self,
        config: AgentConfig,  # noqa: ARG002 the seam
        transport: CallTransport,
        handover: Handover | None = None,  # noqa: ARG002 the seam
    ) -> Outcome:
        """Hum until the caller leaves."""
        call = _EchoCall(transport, self._pacer)
        transport.attach(call)
        try:
            await call.over.wait()
        finally:
            if call.first_word_ms is not None:
                self.first_words_ms.append(call.first_word_ms)
            await transport.hang_up()
        return Outcome.CALLER_HUNG_UP
