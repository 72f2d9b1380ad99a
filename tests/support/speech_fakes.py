"""Providers with a script, for tests of the engine; they stand at the provider seam only.

A loud sample is speech; what it says is told by the script, in order.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from switchboard_agent.dialog.base import CallerTurn, Reply
from switchboard_agent.stt.base import SpeechStream, SpeechToTextError, Transcript
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_agent.tts.base import TextToSpeechError
from switchboard_agent.vad.base import Floats
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.voice_agent import TtsSpec
from switchboard_contract.recovery import DialogMemory, ScriptMemory


@cache
def tone(ms: int, level: int = 8000) -> Pcm:
    """Something that the fakes take for speech; made once, so that it costs benchmarks nothing."""
    samples = np.arange(ms * SAMPLE_RATE_HZ // 1000)
    wave: Pcm = (level * np.sin(samples * 0.3)).astype(np.int16)
    wave.flags.writeable = False
    return wave


def hush(ms: int) -> Pcm:
    """Silence."""
    return np.zeros(ms * SAMPLE_RATE_HZ // 1000, dtype=np.int16)


class LoudnessVad:
    """Loud is speech."""

    state_size = 1

    def run(self, windows: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Probability 1 where the window's new samples are loud."""
        loud = np.abs(windows[:, -512:]).mean(axis=1) > 0.02
        return loud.astype(np.float32), state


@dataclass
class ScriptedStt:
    """Hears the texts of a script, one per utterance, after a delay."""

    texts: list[str | Exception] = field(default_factory=list)
    delay_seconds: float = 0.1
    utterances: list[int] = field(default_factory=list)
    """Samples of each utterance."""
    open_streams: int = 0
    chokes: bool = False
    """Fail on the first frame."""

    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        """A stream of this script."""
        self.open_streams += 1
        assert config.script is not None or config.prompt is not None
        return _ScriptedStream(self, on_partial)

    async def aclose(self) -> None:
        """Nothing to free."""


@dataclass
class _ScriptedStream:
    stt: ScriptedStt
    on_partial: Callable[[Transcript], None]
    running: bool = False

    def start_utterance(self) -> None:
        assert not self.running, "two utterances at once"
        self.running = True
        self.stt.utterances.append(0)

    def feed(self, frame: Pcm) -> None:
        assert self.running, "audio outside an utterance"
        if self.stt.chokes:
            raise ValueError("scripted")
        self.stt.utterances[-1] += len(frame)

    async def end_utterance(self) -> Transcript:
        await asyncio.sleep(self.stt.delay_seconds)
        self.running = False
        said = self.stt.texts.pop(0) if self.stt.texts else ""
        if isinstance(said, Exception):
            raise SpeechToTextError from said
        return Transcript(said, final=True)

    async def aclose(self) -> None:
        self.stt.open_streams -= 1


@dataclass
class ScriptedTts:
    """Speaks a tone, 60 ms a letter by default, in chunks that come faster than real time."""

    delay_seconds: float = 0.08
    ms_per_letter: int = 60
    failures: int = 0
    """How many of the next replies fail."""
    open_streams: int = 0
    spoken: list[str] = field(default_factory=list)

    async def prepare(self, spec: TtsSpec) -> None:
        """Nothing to warm."""

    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        """A tone as long as the text."""
        assert spec.voice
        self.open_streams += 1
        try:
            await asyncio.sleep(self.delay_seconds)
            if self.failures:
                self.failures -= 1
                raise TextToSpeechError("scripted")
            self.spoken.append(text)
            for start in range(0, len(text), 20):
                yield tone(len(text[start : start + 20]) * self.ms_per_letter, level=3000)
                await asyncio.sleep(0)
        finally:
            self.open_streams -= 1

    async def aclose(self) -> None:
        """Nothing to free."""


@dataclass
class ScriptedAnswers:
    """A dialog that answers every turn from a list; ends the call after the last."""

    answers: list[Reply] = field(default_factory=list)
    delay_seconds: float = 0.15
    committed: list[Reply] = field(default_factory=list)
    asked: list[CallerTurn] = field(default_factory=list)
    no_inputs: int = 0
    heard_of: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)

    def greeting(self) -> Reply:
        return Reply("hello")

    async def respond(self, turn: CallerTurn) -> Reply:
        self.asked.append(turn)
        await asyncio.sleep(self.delay_seconds)
        done = sum(1 for reply in self.committed if reply in self.answers)
        return self.answers[done] if done < len(self.answers) else Reply("goodbye", end_call=True)

    def commit(self, reply: Reply) -> None:
        self.committed.append(reply)

    def heard(self, text: str) -> None:
        self.heard_of.append(text)

    def keys_sent(self, keys: str) -> None:
        self.pressed.append(keys)

    def no_input(self) -> Reply:
        self.no_inputs += 1
        return Reply("are you there", end_call=self.no_inputs > 1)

    def is_complete(self, text: str) -> bool:
        return not text.endswith(" and")

    @property
    def memory(self) -> DialogMemory:
        return ScriptMemory(stage="idle", values=dict(self.slots))

    def recall(self, memory: DialogMemory, cut: Reply) -> None:
        raise AssertionError("scripted answers change no hands", memory, cut)

    @property
    def slots(self) -> Mapping[str, str]:
        return {"turns": str(len(self.committed))}

    @property
    def result(self) -> str:
        return "done" if any(reply.end_call for reply in self.committed) else ""
