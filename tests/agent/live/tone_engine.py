"""An engine that hums: every call hears one tone, all frames of the caller are kept."""

import asyncio
from types import TracebackType
from typing import Self

from typing_extensions import override

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.audio.track import track_of
from switchboard_agent.recovery.base import Handover
from switchboard_agent.transport.base import (
    CallInfo,
    CallTransport,
    CloseReason,
    ConsultingTransport,
    Pcm,
)
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import Outcome
from tests.agent.live.tones import FRAME_SAMPLES, tone

AGENT_TONE_HZ = 1000.0


class ToneCall:
    """One call as the tone engine saw it."""

    def __init__(self, transport: CallTransport) -> None:
        self.transport = transport
        self.info: CallInfo = transport.info
        self.frames: list[Pcm] = []
        self.digits = ""
        self.reason: CloseReason | None = None
        self.over = asyncio.Event()

    def on_audio(self, frame: Pcm) -> None:
        self.frames.append(frame)

    def on_dtmf(self, digit: str) -> None:
        self.digits += digit

    def on_closed(self, reason: CloseReason) -> None:
        self.reason = reason
        self.over.set()


class ToneEngine:
    """Stands in for the engine; one pacer task plays to all calls, as the real one does."""

    def __init__(self, call_seconds: float = 3600.0) -> None:
        self.calls: dict[str, ToneCall] = {}
        self.live: set[ToneCall] = set()
        self._call_seconds = call_seconds
        self._pacer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._pacer = asyncio.create_task(self._pace())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pacer is not None:
            self._pacer.cancel()

    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    async def run_call(
        self,
        config: AgentConfig,  # noqa: ARG002 the seam
        transport: CallTransport,
        handover: Handover | None = None,  # noqa: ARG002 the seam
    ) -> Outcome:
        call = ToneCall(transport)
        self.calls[call.info.room] = call
        transport.attach(call)
        self.live.add(call)
        try:
            async with asyncio.timeout(self._call_seconds):
                await call.over.wait()
        except TimeoutError:
            return Outcome.COMPLETED
        finally:
            self.live.discard(call)
            if not (isinstance(transport, ConsultingTransport) and transport.connected):
                await transport.hang_up()
        return Outcome.CALLER_HUNG_UP

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        start, sample = loop.time(), 0
        while True:
            frame = tone(AGENT_TONE_HZ, sample)
            for call in self.live:
                call.transport.play(frame)
            sample += FRAME_SAMPLES
            await asyncio.sleep(max(0.0, start + sample / 16_000 - loop.time()))


PHRASE_FRAMES = 30
PHRASES = 5
PAUSE_SECONDS = 1.0


class PhraseEngine(ToneEngine):
    """Says phrases of its tone with pauses between, through a track as the real engine does."""

    @override
    async def run_call(
        self, config: AgentConfig, transport: CallTransport, handover: Handover | None = None
    ) -> Outcome:
        speaker = asyncio.create_task(self._say_phrases(transport))
        try:
            return await super().run_call(config, transport, handover)
        finally:
            speaker.cancel()

    async def _say_phrases(self, transport: CallTransport) -> None:
        track, played = track_of(transport, Pacer()), 0

        def play_next() -> bool:
            nonlocal played
            track.play(tone(AGENT_TONE_HZ, played * FRAME_SAMPLES))
            played += 1
            return played % PHRASE_FRAMES != 0

        try:
            for phrase in range(1, PHRASES + 1):
                track.start(play_next)
                while played < phrase * PHRASE_FRAMES:  # noqa: ASYNC110 the pacer sets no event
                    await asyncio.sleep(0.005)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            track.close()

    @override
    async def _pace(self) -> None:
        """Nothing is said but phrases."""
