"""What is tried out of an agent revision, by name: each check proves one provider to be alive.

A check asks the providers that calls use, through the same seams, for as little as proves the way
there and back. What it raises is the fault; nothing of what was said or heard leaves here.
"""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from switchboard_agent.dialog.base import Dialog
from switchboard_agent.stt.base import SpeechToText, Transcript
from switchboard_agent.transport.base import FRAME_SAMPLES
from switchboard_agent.tts.base import TextToSpeech
from switchboard_contract.agent_config import AgentConfig


@dataclass(frozen=True, slots=True)
class Tried:
    """What a check found where a call would go well."""

    questions: int = 0
    """Questions that were put to language models, which may cost money."""
    down: tuple[str, ...] = ()
    """Providers that did not answer though others stood in for them, with the reason."""


Check = Callable[[AgentConfig], Awaitable[Tried | None]]
"""Tries one thing out; raises if it does not work."""

HEARD_FRAMES = 15
"""Length of the utterance that the recogniser is given: 0.3 s cost it some 10 ms."""

_NOISE_LEVEL = 60
"""Like a quiet line: digital silence has no logarithm, which some recognisers want."""


class SilentVoiceError(Exception):
    """The synthesiser ended without a sound."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The providers of a worker and what else is to be tried out."""

    stt: SpeechToText
    tts: TextToSpeech
    make_dialog: Callable[[AgentConfig], Dialog]
    models: Mapping[str, Check] = field(default_factory=dict)
    """Checks that ask language models."""
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    def checks(self, *, ask_models: bool) -> dict[str, Check]:
        """Every check but the greeting, by name."""
        return {"stt": self.hear, "tts": self.speak, **(self.models if ask_models else {})}

    async def greet(self, config: AgentConfig) -> None:
        """Return with the first audio of the greeting, as a caller would get it."""
        await self._first_sound(self.make_dialog(config).greeting().text, config)

    async def speak(self, config: AgentConfig) -> None:
        """Make the synthesiser say something new: the greeting may lie ready from calls before."""
        await self._first_sound(f"Testing, {next(self._count)}.", config)

    async def hear(self, config: AgentConfig) -> None:
        """Have the recogniser end an utterance; what it makes of noise does not matter."""
        stream = self.stt.open(config, _ignore)
        try:
            stream.start_utterance()
            noise = np.random.default_rng(0).normal(0, _NOISE_LEVEL, (HEARD_FRAMES, FRAME_SAMPLES))
            for frame in noise.astype(np.int16):
                stream.feed(frame)
            await stream.end_utterance()
        finally:
            await stream.aclose()

    async def _first_sound(self, text: str, config: AgentConfig) -> None:
        chunks = self.tts.synthesize(text, config.tts)
        try:
            if await anext(chunks, None) is None:
                raise SilentVoiceError
        finally:
            # Ended before the last chunk: a probe leaves nothing in the cache of prompts.
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()


def _ignore(_: Transcript) -> None:
    """Words so far are not asked for."""
