"""The seam to speech recognisers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from switchboard_agent.transport.base import Pcm
from switchboard_contract.agent_config import AgentConfig


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words heard in one utterance: lower case, no punctuation; empty if none."""

    text: str
    final: bool


class SpeechStream(Protocol):
    """One call's recogniser; one utterance at a time."""

    def start_utterance(self) -> None:
        """The caller began to speak; audio fed from now on belongs to this utterance."""

    def feed(self, frame: Pcm) -> None:
        """Audio of the running utterance. Never blocks, never decodes on the event loop."""

    async def end_utterance(self) -> Transcript:
        """Finish the utterance and give its words.

        Raises `SpeechToTextError` if the recogniser failed; the next utterance may work.
        """

    async def aclose(self) -> None:
        """Release the recogniser; a running utterance is dropped."""


class SpeechToText(Protocol):
    """A recogniser shared by all calls of a worker."""

    async def prepare(self, config: AgentConfig) -> None:
        """Make ready for calls of this agent revision, so that `open` is instant."""

    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        """Start a stream for one call; `on_partial` is called on the event loop.

        A recogniser that finds the end of an utterance by itself says so by a `final` transcript:
        the detector then waits no longer than to hear silence too.
        """

    async def aclose(self) -> None:
        """End helper processes and free memory."""


@runtime_checkable
class LocalRecogniser(Protocol):
    """One that listens on the worker's own processor, which calls can use up."""

    @property
    def late_seconds(self) -> float:
        """How late final words come."""


class SpeechToTextError(Exception):
    """The recogniser failed on this utterance."""
