"""Sounds with bounds that a test knows: a tone stands for speech."""

import numpy as np

from switchboard_media.pcm import Pcm

RATE_HZ = 16_000


def tone(milliseconds: int, amplitude: int = 8000) -> Pcm:
    samples = np.arange(milliseconds * RATE_HZ // 1000)
    return (amplitude * np.sin(2 * np.pi * 440 * samples / RATE_HZ)).astype(np.int16)


def quiet(milliseconds: int) -> Pcm:
    return np.zeros(milliseconds * RATE_HZ // 1000, np.int16)


def padded(milliseconds: int) -> Pcm:
    """Speech with 100 ms of silence before it and 140 ms after it, as synthesisers give."""
    return np.concatenate([quiet(100), tone(milliseconds), quiet(140)])
