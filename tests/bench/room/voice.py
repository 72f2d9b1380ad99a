"""The agent's voice of the benchmark: as costly to encode as speech, and never silent within.

A gap can then be told from a pause by listening. A hum with many overtones, whose loudness sways
four times a second as that of syllables does, without ever fading out.
"""

from functools import cache

import numpy as np

from tests.bench.engine.script import RATE_HZ, TTS_MS_PER_LETTER, Pcm

_LOUDEST = 9000
_PITCH_HZ = 140
_OVERTONES = 20
AUDIBLE = 400
"""Mean level of a frame above which the agent speaks."""


@cache
def speak(text: str) -> Pcm:
    """A voice as long as the text."""
    count = len(text.strip()) * TTS_MS_PER_LETTER * RATE_HZ // 1000
    t = np.arange(count) / RATE_HZ
    pitch = _PITCH_HZ * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    wave = sum(np.sin(n * phase) / n for n in range(1, _OVERTONES))
    sway = 0.65 + 0.35 * np.sin(2 * np.pi * 4 * t)
    voice: Pcm = (_LOUDEST * sway * wave / 2).astype(np.int16)
    return voice


def is_audible(frame: Pcm) -> bool:
    """Whether the agent speaks in this frame."""
    return bool(np.abs(frame).mean() > AUDIBLE)
