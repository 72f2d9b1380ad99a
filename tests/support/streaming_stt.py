"""A recogniser that finds the end of an utterance by itself, as streaming services do."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from switchboard_agent.stt.base import SpeechStream, Transcript
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_contract.agent_config import AgentConfig


@dataclass
class StreamingStt:
    """Says its words as final after 100 ms of silence, unasked."""

    texts: list[str] = field(default_factory=list)
    silence_ms: float = 100

    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:  # noqa: ARG002 the seam
        """A stream of this script."""
        return _Stream(self, on_partial)

    async def aclose(self) -> None:
        """Nothing to free."""


@dataclass
class _Stream:
    stt: StreamingStt
    on_partial: Callable[[Transcript], None]
    words: list[str] = field(default_factory=list)
    silent_ms: float = 0.0
    loud: bool = False

    def start_utterance(self) -> None:
        self.words.clear()

    def feed(self, frame: Pcm) -> None:
        if np.abs(frame).max() > 1000:
            self.loud, self.silent_ms = True, 0.0
            return
        self.silent_ms += len(frame) * 1000 / SAMPLE_RATE_HZ
        if self.loud and self.silent_ms >= self.stt.silence_ms:
            self.loud = False
            self.words.append(self.stt.texts.pop(0))
            self.on_partial(Transcript(" ".join(self.words), final=True))

    async def end_utterance(self) -> Transcript:
        return Transcript(" ".join(self.words), final=True)

    async def aclose(self) -> None:
        """Nothing to free."""
