"""Keys as sound, heard by Goertzel's filter as a receiver of Q.24 would."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media import dtmf, g711
from switchboard_media.dtmf_tone import (
    COLUMN_DBM0,
    COLUMNS_HZ,
    KEYPAD,
    ROW_DBM0,
    ROWS_HZ,
    frequencies_hz,
    tone,
)
from tests.support.goertzel import key_heard, level_dbm0

keys = st.sampled_from(dtmf.KEYS)
rates = st.sampled_from([8000, 16_000, 48_000])


def test_the_keypad_has_each_key_once() -> None:
    assert sorted("".join(KEYPAD)) == sorted(dtmf.KEYS)
    assert frequencies_hz("1") == (697, 1209)
    assert frequencies_hz("D") == (941, 1633)


@given(keys, rates, st.integers(40, 300))
def test_a_tone_is_exactly_its_key_and_as_long_as_asked(key: str, rate: int, ms: int) -> None:
    sound = tone(key, ms=ms, rate_hz=rate)
    assert sound.size == rate * ms // 1000
    assert key_heard(sound, rate) == key


@given(keys, rates)
def test_levels_are_those_of_telephones(key: str, rate: int) -> None:
    sound = tone(key, ms=dtmf.TONE_MS, rate_hz=rate)
    row, column = frequencies_hz(key)
    assert level_dbm0(sound, row, rate) == pytest.approx(ROW_DBM0, abs=0.5)
    assert level_dbm0(sound, column, rate) == pytest.approx(COLUMN_DBM0, abs=0.5)
    others = [hz for hz in (*ROWS_HZ, *COLUMNS_HZ) if hz not in {row, column}]
    assert max(level_dbm0(sound, hz, rate) for hz in others) < ROW_DBM0 - 15
    assert np.abs(sound.astype(int)).max() < 32_000, "clipped"


@given(keys)
def test_the_key_survives_mu_law(key: str) -> None:
    sound = tone(key, ms=dtmf.TONE_MS, rate_hz=8000)
    line = g711.UlawDecoder().decode(g711.UlawEncoder().encode(sound))
    assert key_heard(line, 8000) == key


def test_a_tone_begins_without_a_click() -> None:
    sound = tone("5", ms=dtmf.TONE_MS, rate_hz=16_000).astype(int)
    steps = [abs(b - a) for a, b in pairwise(sound)]
    assert abs(sound[0]) <= max(steps)


@pytest.mark.parametrize("key", ["", "w", "12", "a"])
def test_what_is_no_key_has_no_sound(key: str) -> None:
    with pytest.raises(ValueError, match="no telephone"):
        tone(key, ms=100, rate_hz=8000)
