"""Where speech is in sound: by energy of 20 ms frames, the same rule for caller and agent.

Energy is enough here because both ends are known to be clean synthetic speech; what matters is that
the onset and the end are found to one frame. An onset needs three voiced frames of five, so that a
click is not taken for an answer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from switchboard_media.pcm import Pcm, level_dbfs

FRAME_MS = 20
"""One RTP packet, one frame."""

THRESHOLD_DBFS = -45.0
"""A frame at or above this level is voiced: 25 dB under synthetic speech, 20 dB over comfort noise
and the noise floor of G.711."""

ONSET_FRAMES = 5
ONSET_VOICED = 3


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in milliseconds on the clock of whoever made it."""

    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long it is."""
        return self.end_ms - self.start_ms


def frame_levels(pcm: Pcm, rate_hz: int) -> NDArray[np.float64]:
    """Levels of consecutive frames; a last short frame counts as it is."""
    step = rate_hz * FRAME_MS // 1000
    return np.array([level_dbfs(pcm[i : i + step]) for i in range(0, pcm.size, step)])


def is_onset(voiced: NDArray[np.bool_], index: int) -> bool:
    """Whether speech starts at this frame: voiced, and so are three of the five from it."""
    window = voiced[index : index + ONSET_FRAMES]
    return bool(voiced[index]) and int(window.sum()) >= ONSET_VOICED


def voiced_span(pcm: Pcm, rate_hz: int) -> Span | None:
    """First onset to last voiced frame of one utterance; None if it is silent."""
    voiced = frame_levels(pcm, rate_hz) >= THRESHOLD_DBFS
    onset = next((i for i in range(voiced.size) if is_onset(voiced, i)), None)
    if onset is None:
        return None
    last = int(np.flatnonzero(voiced)[-1])
    return Span(onset * FRAME_MS, min((last + 1) * FRAME_MS, pcm.size * 1000 / rate_hz))
