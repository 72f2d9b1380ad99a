"""Mono linear sound as numpy arrays of 16-bit samples, and how loud it is.

Levels are in dBFS: 0 is the root mean square of a full-scale square wave, a full-scale sine
reads -3.01. Digital silence has no logarithm; it reads `SILENCE_DBFS`, a floor below one step
of the 16-bit scale (-90.3), so that levels compare and average without infinities.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""Mono linear PCM."""

FULL_SCALE: Final = 32_768
SILENCE_DBFS: Final = -96.0


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """How a stream of samples is cut into frames."""

    sample_rate_hz: int
    frame_ms: int = 20

    @property
    def frame_samples(self) -> int:
        """Samples in one frame."""
        return self.sample_rate_hz * self.frame_ms // 1000

    def silence(self) -> Pcm:
        """One frame of digital silence."""
        return np.zeros(self.frame_samples, np.int16)


def from_bytes(data: bytes) -> Pcm:
    """Samples in little-endian bytes; half a sample at the end is left off."""
    return np.frombuffer(data, "<i2", count=len(data) // 2).astype(np.int16, copy=False)


def to_bytes(pcm: Pcm) -> bytes:
    """Little-endian bytes of the samples."""
    return pcm.astype("<i2", copy=False).tobytes()


def mean_square(pcm: Pcm) -> float:
    """Mean energy of a sample, 1.0 at full scale."""
    if len(pcm) == 0:
        return 0.0
    scaled = pcm.astype(np.float32)
    return float(np.dot(scaled, scaled)) / (len(pcm) * FULL_SCALE**2)


def level_dbfs(pcm: Pcm) -> float:
    """Root mean square level, from `SILENCE_DBFS` to 0."""
    energy = mean_square(pcm)
    if energy == 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(energy))


def peak_dbfs(pcm: Pcm) -> float:
    """Level of the largest sample, from `SILENCE_DBFS` to 0."""
    if len(pcm) == 0:
        return SILENCE_DBFS
    # abs(-32768) does not fit into 16 bits.
    peak = max(int(pcm.max()), -int(pcm.min()))
    return SILENCE_DBFS if peak == 0 else 20.0 * math.log10(peak / FULL_SCALE)
