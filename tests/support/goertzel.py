"""Hears telephone keys in sound, as a receiver does: a Goertzel filter for each frequency."""

import math

from switchboard_media.dtmf_tone import COLUMNS_HZ, KEYPAD, ROWS_HZ
from switchboard_media.pcm import Pcm

FULL_SCALE_DBM0 = 3.17
WEAKEST_DBM0 = -25.0
"""Q.24: receivers take tones of this level and more."""
FRAME_MS = 20


def level_dbm0(sound: Pcm, hz: float, rate_hz: int) -> float:
    """Level of one frequency in a stretch of sound."""
    coefficient = 2 * math.cos(2 * math.pi * hz / rate_hz)
    before = last = 0.0
    for sample in sound.tolist():
        before, last = last, sample / 32_767 + coefficient * last - before
    power = last**2 + before**2 - coefficient * last * before
    amplitude = 2 * math.sqrt(max(power, 0.0)) / max(len(sound), 1)
    return 20 * math.log10(max(amplitude, 1e-9)) + FULL_SCALE_DBM0


def key_heard(sound: Pcm, rate_hz: int) -> str:
    """The one key in a stretch of sound; empty if there is none, or more than one."""
    rows = [hz for hz in ROWS_HZ if level_dbm0(sound, hz, rate_hz) > WEAKEST_DBM0]
    columns = [hz for hz in COLUMNS_HZ if level_dbm0(sound, hz, rate_hz) > WEAKEST_DBM0]
    return _key(_loudest(sound, rows, rate_hz), _loudest(sound, columns, rate_hz))


def keys_heard(sound: Pcm, rate_hz: int) -> list[tuple[str, int]]:
    """Keys in a recording, each with its length in ms, told frame by frame."""
    samples = rate_hz * FRAME_MS // 1000
    heard: list[tuple[str, int]] = []
    last = ""
    for start in range(0, len(sound) - samples + 1, samples):
        key = key_heard(sound[start : start + samples], rate_hz)
        if key and key == last:
            heard[-1] = key, heard[-1][1] + FRAME_MS
        elif key:
            heard.append((key, FRAME_MS))
        last = key
    return heard


def _loudest(sound: Pcm, hz: list[int], rate_hz: int) -> int:
    """A key's frequencies stand out by 6 dB: voice has many that do not."""
    levels = sorted((level_dbm0(sound, each, rate_hz), each) for each in hz)
    if not levels or (len(levels) > 1 and levels[-1][0] - levels[-2][0] < 6):
        return 0
    return levels[-1][1]


def _key(row_hz: int, column_hz: int) -> str:
    if not row_hz or not column_hz:
        return ""
    return KEYPAD[ROWS_HZ.index(row_hz)][COLUMNS_HZ.index(column_hz)]
