"""What is done to synthesised speech before it is played: level, silence, sample rate.

The level is set once per voice from a measured sentence, so that it does not jump between replies;
-20 dBFS is what telephone networks expect of active speech. Leading silence is latency and is cut;
trailing silence would make the end of the agent's turn look later than it sounds.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_media.resample import Quality, Resampler

LEVEL_DBFS: Final = -20.0
"""RMS of voiced samples (ITU-T P.56 speaks of active speech level; this is its simple kin)."""
_FULL_SCALE: Final = 32_768
_LARGEST: Final = 32_767
_VOICED: Final = 300
"""Samples below this (-41 dBFS) are silence of the synthesiser."""
_KEPT_MS: Final = 5
"""Silence kept before the first voiced sample, so that a soft onset is not cut."""
_TAIL_MS: Final = 40
"""Silence kept at the end, so that the last sound can ring out."""
_HEADROOM: Final = 0.9
"""The loudest measured sample may reach this share of full scale."""


def gain_for(speech: Pcm) -> float:
    """Factor that brings a measured sentence to `LEVEL_DBFS` without clipping."""
    samples = speech.astype(np.float64)
    voiced = samples[np.abs(samples) > _VOICED]
    if not len(voiced):
        return 1.0
    rms = float(np.sqrt(np.mean(voiced**2)))
    wanted = _FULL_SCALE * 10 ** (LEVEL_DBFS / 20) / rms
    loudest = _HEADROOM * _LARGEST / float(np.abs(samples).max())
    return min(wanted, loudest)


@dataclass(slots=True)
class Shaper:
    """One utterance's way from the synthesiser's samples to frames that can be played."""

    in_rate_hz: int
    gain: float
    _held: list[Pcm] = field(default_factory=list)
    """Silence that may turn out to be a pause or the end."""
    _begun: bool = False
    _resampler: Resampler = field(init=False)

    def __post_init__(self) -> None:
        self._resampler = Resampler(self.in_rate_hz, SAMPLE_RATE_HZ, Quality.LOW)

    def process(self, pcm: Pcm) -> Pcm:
        """Samples that are certain to be played; may be empty."""
        voiced = np.flatnonzero(np.abs(pcm.astype(np.int32)) > _VOICED)
        if not len(voiced):
            self._held.append(pcm)
            return _nothing()
        first, last = int(voiced[0]), int(voiced[-1]) + 1
        before = np.concatenate([*self._held, pcm[:first]])
        if not self._begun:
            before = before[-self._samples(_KEPT_MS) :]
            self._begun = True
        self._held = [pcm[last:]]
        return self._out(np.concatenate([before, pcm[first:last]]))

    def flush(self) -> Pcm:
        """The end: a short tail, and what the resampler still held."""
        if not self._begun:
            return _nothing()
        tail = np.concatenate(self._held)[: self._samples(_TAIL_MS)]
        self._held.clear()
        return np.concatenate([self._out(tail), self._resampler.flush()])

    def _samples(self, milliseconds: int) -> int:
        return self.in_rate_hz * milliseconds // 1000

    def _out(self, pcm: Pcm) -> Pcm:
        scaled = np.clip(np.rint(pcm * self.gain), -_LARGEST, _LARGEST)
        return self._resampler.process(scaled.astype(np.int16))


def _nothing() -> Pcm:
    return np.zeros(0, np.int16)
