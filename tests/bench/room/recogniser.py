"""A streaming recogniser for audio that really arrives: final 100 ms after the last loud frame."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from switchboard_agent.stt.base import SpeechStream, Transcript
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_contract.agent_config import AgentConfig
from tests.bench.engine.script import SENTENCES, STT_FINAL_MS

_LOUD = 400


class ListeningRecogniser:
    """Hears that something was said, and what is always the same."""

    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:  # noqa: ARG002 the seam
        """A stream for one call."""
        return _Ear(on_partial)

    async def aclose(self) -> None:
        """Nothing to free."""


@dataclass(slots=True)
class _Ear:
    on_partial: Callable[[Transcript], None]
    silent_ms: float = 0.0
    loud: bool = False

    def start_utterance(self) -> None:
        self.loud = False

    def feed(self, frame: Pcm) -> None:
        if np.abs(frame).max() > _LOUD:
            self.loud, self.silent_ms = True, 0.0
            return
        self.silent_ms += len(frame) * 1000 / SAMPLE_RATE_HZ
        if self.loud and self.silent_ms >= STT_FINAL_MS:
            self.loud = False
            self.on_partial(Transcript(SENTENCES[0], final=True))

    async def end_utterance(self) -> Transcript:
        return Transcript(SENTENCES[0], final=True)

    async def aclose(self) -> None:
        """Nothing to free."""
