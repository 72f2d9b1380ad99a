"""Telephone keys as sound: ITU-T Q.23, for lines that carry nothing but sound.

A key is two sines at once, one for its row and one for its column. The column is 2 dB louder than
the row, because lines take more away from higher frequencies; receivers allow for 4 dB (Q.24).
"""

from typing import Final

import numpy as np

from switchboard_media.pcm import Pcm

ROWS_HZ: Final = (697, 770, 852, 941)
COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
KEYPAD: Final = ("123A", "456B", "789C", "*0#D")

ROW_DBM0: Final = -10.0
COLUMN_DBM0: Final = -8.0
_FULL_SCALE_DBM0: Final = 3.17
"""Of a sine in G.711 mu-law."""


def frequencies_hz(key: str) -> tuple[int, int]:
    """Row and column of a key. Raises `ValueError`."""
    for row, keys in enumerate(KEYPAD):
        if len(key) == 1 and key in keys:
            return ROWS_HZ[row], COLUMNS_HZ[keys.index(key)]
    raise ValueError("no telephone has this key")


def tone(key: str, *, ms: int, rate_hz: int) -> Pcm:
    """The sound of a key, from its first sample to its last."""
    seconds = np.arange(rate_hz * ms // 1000) / rate_hz
    levels = (ROW_DBM0, COLUMN_DBM0)
    waves = (
        10 ** ((level - _FULL_SCALE_DBM0) / 20) * np.sin(2 * np.pi * hz * seconds)
        for hz, level in zip(frequencies_hz(key), levels, strict=True)
    )
    pcm: Pcm = np.round(sum(waves) * np.iinfo(np.int16).max).astype(np.int16)
    return pcm
