"""Tones instead of speech: who hears what, how loud and without a gap can be computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FRAME_SAMPLES = 320
AMPLITUDE = 8000
RMS = AMPLITUDE / 2**0.5

Samples = NDArray[np.int16]


def tone(frequency_hz: float, start_sample: int, count: int = FRAME_SAMPLES) -> Samples:
    """`count` samples of an endless tone, from `start_sample` on."""
    t = np.arange(start_sample, start_sample + count) / RATE_HZ
    return (AMPLITUDE * np.sin(2 * np.pi * frequency_hz * t)).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a tone."""

    seconds: float
    frequency_hz: float
    rms: float
    longest_gap_ms: int
    """Longest stretch below a quarter of the tone's level, between its first and last sound."""


def listen(frames: list[Samples]) -> Heard:
    """Analyse received frames; a silent start and end is cut off."""
    samples = np.concatenate(frames).astype(np.float64) if frames else np.zeros(0)
    blocks = samples[: samples.size // 160 * 160].reshape(-1, 160)
    levels = np.sqrt(np.mean(blocks**2, axis=1)) if blocks.size else np.zeros(0)
    voiced = np.flatnonzero(levels > RMS / 4)
    if voiced.size < 10:
        return Heard(0.0, 0.0, 0.0, 0)
    sound = blocks[voiced[0] : voiced[-1] + 1].reshape(-1)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    gap = int(np.max(np.diff(voiced))) - 1
    return Heard(
        seconds=sound.size / RATE_HZ,
        frequency_hz=float(np.argmax(spectrum) * RATE_HZ / sound.size),
        rms=float(np.sqrt(np.mean(sound**2))),
        longest_gap_ms=gap * 10,
    )
