"""What a caller hears who is being put through: it rings, for as long as it takes."""

from collections.abc import Callable
from typing import Final

import numpy as np

from switchboard_agent.transport.base import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm

TONES_HZ: Final = (440, 480)
"""Ringing of North America, 2 s in 6 (ITU-T E.180 supplement 2)."""
ON_SECONDS: Final = 2
OFF_SECONDS: Final = 4
LEVEL_DBFS: Final = -25.0
"""Of each tone: below speech, so that nobody takes the telephone from the ear."""
_FADE_SAMPLES: Final = SAMPLE_RATE_HZ // 100
"""A tone that begins or ends at once is a click."""


def ringback(play: Callable[[Pcm], None]) -> Callable[[], bool]:
    """A voice for a track: it begins with the ringing and never ends by itself."""
    cycle = _cycle().reshape(-1, FRAME_SAMPLES)
    frame = 0

    def play_next() -> bool:
        nonlocal frame
        play(cycle[frame % len(cycle)])
        frame += 1
        return True

    return play_next


def _cycle() -> Pcm:
    seconds = np.arange(ON_SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    wave = np.sum([np.sin(2 * np.pi * hz * seconds) for hz in TONES_HZ], axis=0)
    fade = np.linspace(0, 1, _FADE_SAMPLES)
    wave[:_FADE_SAMPLES] *= fade
    wave[-_FADE_SAMPLES:] *= fade[::-1]
    on = np.round(wave * 10 ** (LEVEL_DBFS / 20) * np.iinfo(np.int16).max).astype(np.int16)
    return np.concatenate((on, np.zeros(OFF_SECONDS * SAMPLE_RATE_HZ, np.int16)))
