"""The caller of the benchmark: polite, tireless, and the one who measures.

It sends a frame every 20 ms, speaks its next sentence when the agent has been silent for half a
second, and notes with a clock of its own what it hears. All callers of a process share one timer.
What they cost is in every engine's figure; it is the same for all.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tests.bench.engine.script import FRAME_MS, FRAME_SAMPLES, RATE_HZ, Pcm, Sentence

_FRAME_SECONDS: Final = FRAME_MS / 1000
_GROUPS: Final = 2
"""Callers are spread over a frame, as independent phones would be."""
_LOOK_FRAMES: Final = 5
"""How often a silent caller considers whether it is its turn."""
_POLITE_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 8.0
"""Without an answer for so long the caller asks its next question."""
_NEW_REPLY_SECONDS: Final = 0.4
"""Silence of the agent after which its next sound is another reply."""
CUSHION_SECONDS: Final = 0.02
"""Held by the listener's jitter buffer: a frame that comes later than that is a hole."""
_SILENCE: Final = np.zeros(FRAME_SAMPLES, dtype=np.int16)


@dataclass(slots=True)
class Notes:
    """What callers noticed, each with the time on the monotonic clock."""

    latencies: list[tuple[float, float]] = field(default_factory=list)
    """Time, milliseconds from the last voiced sample to the first sample of the agent."""
    holes: list[float] = field(default_factory=list)
    """The agent's voice stopped for less than a reply's end and more than the cushion."""
    cut_offs: list[float] = field(default_factory=list)
    """The agent began to speak while the caller did."""
    unanswered: list[float] = field(default_factory=list)
    greeted: list[float] = field(default_factory=list)
    """The agent was heard for the first time in a call."""
    asked: list[float] = field(default_factory=list)
    """Questions put to the language model."""
    lags: list[tuple[float, float]] = field(default_factory=list)
    """Time, milliseconds by which the event loop was late."""


class Caller:
    """One phone."""

    def __init__(
        self,
        sentences: Sequence[Sentence],
        notes: Notes,
        clock: Callable[[], float],
        *,
        shift_frames: int = 0,
        cushion_seconds: float = CUSHION_SECONDS,
    ) -> None:
        self._sentences = sentences
        self._notes = notes
        self._clock = clock
        self._cushion_seconds = cushion_seconds
        self._wait_frames = shift_frames
        self._next = shift_frames % len(sentences)
        self._speech: Sentence | None = None
        self._at = 0
        self._look_in = 0
        self._ended: float | None = None
        self._plays_until: float | None = None
        self.send: Callable[[Pcm], None] | None = None
        """Takes a frame into the engine; set when the call stands."""
        self.on_words: Callable[[str], None] | None = None
        """Told what a recogniser has understood, when it would have."""

    def asked(self) -> None:
        """The engine put a question to its language model."""
        self._notes.asked.append(self._clock())

    def hear(self, samples: int) -> None:
        """Audio of the agent arrives; it may come faster than it is played."""
        now, until = self._clock(), self._plays_until
        if until is None:
            self._notes.greeted.append(now)
        if until is None or now - until > _NEW_REPLY_SECONDS:
            self._begin_reply(now)
        elif now - until > self._cushion_seconds:
            self._notes.holes.append(now)
        self._plays_until = max(now, until or now) + samples / RATE_HZ

    def agent_cut(self) -> None:
        """The engine dropped what has not been played."""
        if self._plays_until is not None:
            self._plays_until = min(self._plays_until, self._clock())

    def _begin_reply(self, now: float) -> None:
        if self._ended is not None:
            self._notes.latencies.append((now, (now - self._ended) * 1000))
            self._ended = None
        elif self._speaking:
            self._notes.cut_offs.append(now)

    @property
    def _speaking(self) -> bool:
        return self._speech is not None and self._at < len(self._speech.frames)

    def next_frame(self) -> None:
        """Send what is due."""
        if self.send is None:
            return
        frame, words = _SILENCE, ""
        speech = self._speech
        if speech is not None:
            words = speech.finals.get(self._at, "")
            if self._at < len(speech.frames):
                frame = speech.frames[self._at]
            self._at += 1
        self.send(frame)
        if speech is None or self._at > len(speech.frames):
            self._consider_speaking()
        elif self._at == len(speech.frames):
            self._ended = self._clock()
        if words and self.on_words is not None:
            self.on_words(words)

    def _consider_speaking(self) -> None:
        self._look_in -= 1
        if self._look_in > 0:
            return
        self._look_in = _LOOK_FRAMES
        until = self._plays_until
        now = self._clock()
        if self._ended is not None:
            if now - self._ended < _PATIENCE_SECONDS:
                return
            self._notes.unanswered.append(now)
            self._ended = None
        elif until is None or now - until < _POLITE_SECONDS:
            return
        if self._wait_frames > 0:
            self._wait_frames -= _LOOK_FRAMES
            return
        self._speech = self._sentences[self._next]
        self._next = (self._next + 1) % len(self._sentences)
        self._at = 0


async def pump(callers: Sequence[Caller]) -> None:
    """Every caller's frames, on one timer, on absolute deadlines. Callers may be added."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        for part in range(_GROUPS):
            for caller in callers[part::_GROUPS]:
                caller.next_frame()
            due += _FRAME_SECONDS / _GROUPS
            await asyncio.sleep(max(0.0, due - loop.time()))


async def watch_lag(notes: Notes) -> None:
    """How late a timer runs, a hundred times a second."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.01
        await asyncio.sleep(0.01)
        now = loop.time()
        notes.lags.append((now, (now - due) * 1000))
