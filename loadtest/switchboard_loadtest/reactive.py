"""A caller that listens: says its next words when the agent has finished, or in its way.

SIPp's callers follow a time table. This one follows the agent, frame by frame, and so gets through
a conversation at any speed: on a busy machine, or with another script. It is pure: one frame of the
agent in, one frame of the caller out, time is counted in frames. The words come from the same
caller scripts; their offsets are not used.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from switchboard_loadtest.caller_script import CallerScript, Says
from switchboard_loadtest.caller_speech import (
    COMFORT_NOISE_AMPLITUDE,
    RATE_HZ,
    CallerTrack,
    Speak,
    Spoken,
)
from switchboard_loadtest.voiced import FRAME_MS, ONSET_FRAMES, ONSET_VOICED, Span, voiced_span
from switchboard_media.pcm import Pcm

FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000

LISTEN_MS = 800
"""Silence of the agent after which it has finished; longer than its pauses between sentences."""

INTERRUPT_MS = 1600
"""How long the agent speaks before a caller interrupts it."""

PATIENCE_MS = 20_000
"""Silence after which the caller speaks, or hangs up, though it was not answered."""


@dataclass(frozen=True, slots=True)
class Output:
    """What the caller sends for one frame."""

    pcm: Pcm
    keys: str = ""
    """Keys to press from this frame on."""
    hang_up: bool = False


class ReactiveCaller:
    """One call's conversation from the caller's side."""

    def __init__(self, script: CallerScript, speak: Speak, *, seed: int = 1) -> None:
        self._script = script
        self._left = deque((says, _prepared(says, speak)) for says in script.says)
        self._noise = np.random.default_rng(seed)
        self._recent: deque[bool] = deque(maxlen=ONSET_FRAMES)
        self._agent_spoke_ms = 0
        """How long the agent has been speaking, pauses included; 0 until it speaks."""
        self._silent_ms = 0
        self._saying: Iterator[Pcm] = iter(())
        self._track: list[Pcm] = []
        self._spoken: list[Spoken] = []

    def step(self, *, agent_voiced: bool) -> Output:
        """One frame of time: what the agent's frame was, and what the caller sends."""
        self._hear(agent_voiced)
        frame = next(self._saying, None)
        keys, hang_up = "", False
        if frame is None and self._has_its_turn():
            if self._left:
                keys = self._begin()
                frame = next(self._saying, None)
            else:
                hang_up = True
        pcm = self._over_noise(frame)
        self._track.append(pcm)
        return Output(pcm, keys, hang_up or self._elapsed_ms >= self._script.hang_up_ms * 2)

    @property
    def track(self) -> CallerTrack:
        """What was sent so far, with the bounds of each utterance."""
        pcm = np.concatenate(self._track) if self._track else np.zeros(0, np.int16)
        return CallerTrack(self._script, pcm, tuple(self._spoken))

    @property
    def _elapsed_ms(self) -> int:
        return len(self._track) * FRAME_MS

    def _hear(self, voiced: bool) -> None:
        self._recent.append(voiced)
        if voiced and (self._agent_spoke_ms or sum(self._recent) >= ONSET_VOICED):
            self._silent_ms = 0
            self._agent_spoke_ms += FRAME_MS
        else:
            self._silent_ms += FRAME_MS
            self._agent_spoke_ms += FRAME_MS if self._agent_spoke_ms else 0

    def _has_its_turn(self) -> bool:
        if self._left and self._left[0][0].barge_in:
            return self._agent_spoke_ms >= INTERRUPT_MS and self._silent_ms < LISTEN_MS
        answered = bool(self._agent_spoke_ms) and self._silent_ms >= LISTEN_MS
        return answered or self._silent_ms >= PATIENCE_MS

    def _begin(self) -> str:
        says, (sound, length_ms) = self._left.popleft()
        start = float(self._elapsed_ms)
        self._spoken.append(Spoken(says, Span(start, start + length_ms)))
        self._saying = iter(_frames(sound))
        self._agent_spoke_ms = self._silent_ms = 0
        self._recent.clear()
        return says.keys

    def _over_noise(self, frame: Pcm | None) -> Pcm:
        peak = COMFORT_NOISE_AMPLITUDE
        noise = self._noise.integers(-peak, peak, FRAME_SAMPLES, dtype=np.int16, endpoint=True)
        if frame is None:
            return noise
        mixed: Pcm = np.clip(noise.astype(np.int32) + frame, -32768, 32767).astype(np.int16)
        return mixed


def _prepared(says: Says, speak: Speak) -> tuple[Pcm, float]:
    """Sound from its first voiced frame on, and how long the voice lasts."""
    if not says.text:
        return np.zeros(0, np.int16), 0.0
    sound = speak(says.text)
    voice = voiced_span(sound, RATE_HZ)
    if voice is None:
        return sound, 0.0
    return sound[int(voice.start_ms * RATE_HZ // 1000) :], voice.length_ms


def _frames(sound: Pcm) -> Sequence[Pcm]:
    padded = np.concatenate([sound, np.zeros(-sound.size % FRAME_SAMPLES, np.int16)])
    return [padded[at : at + FRAME_SAMPLES] for at in range(0, padded.size, FRAME_SAMPLES)]
