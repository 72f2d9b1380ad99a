from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_media.pcm import Pcm, level_dbfs
from switchboard_media.resample import Quality, Resampler, resample


def sine(rate_hz: int, hz: float, seconds: float = 0.4) -> Pcm:
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    return (8000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


@settings(max_examples=40)
@given(
    rates=st.sampled_from([(8000, 16000), (16000, 8000), (16000, 48000), (22050, 16000)]),
    quality=st.sampled_from(Quality),
    cuts=st.lists(st.integers(0, 4000), max_size=12).map(sorted),
)
def test_no_way_of_cutting_a_stream_loses_or_changes_a_sample(
    rates: tuple[int, int], quality: Quality, cuts: list[int]
) -> None:
    sound = sine(rates[0], 440, 4000 / rates[0])
    borders = [0, *cuts, len(sound)]
    stream, whole = Resampler(*rates, quality), Resampler(*rates, quality)
    parts = [stream.process(sound[a:b]) for a, b in pairwise(borders)]
    heard = np.concatenate([*parts, stream.flush()])
    expected = np.concatenate([whole.process(sound), whole.flush()])
    error = np.abs(heard.astype(np.int32) - expected)
    assert len(heard) == pytest.approx(len(sound) * rates[1] / rates[0], abs=1)
    # soxr dithers its 16-bit output by block.
    assert error.max() <= 2


def test_a_flushed_resampler_starts_anew() -> None:
    stream = Resampler(8000, 16_000)
    sound = sine(8000, 440)
    first = np.concatenate([stream.process(sound), stream.flush()])
    second = np.concatenate([stream.process(sound), stream.flush()])
    assert len(first) == len(second) == 2 * len(sound)
    assert np.abs(first.astype(np.int32) - second).max() <= 2


def test_equal_rates_pass_sound_through() -> None:
    sound = sine(16_000, 440)
    stream = Resampler(16_000, 16_000)
    assert np.array_equal(stream.process(sound), sound)
    assert len(stream.flush()) == 0
    assert np.array_equal(resample(sound, 16_000, 16_000), sound)


def test_a_recording_keeps_length_and_level() -> None:
    made = resample(sine(22_050, 440, 1.0), 22_050, 16_000)
    assert len(made) == 16_000
    assert level_dbfs(made) == pytest.approx(level_dbfs(sine(16_000, 440, 1.0)), abs=0.1)


def test_clean_qualities_remove_what_the_lower_rate_cannot_hold() -> None:
    stream = Resampler(16_000, 8000, Quality.LOW)
    heard = np.concatenate([stream.process(sine(16_000, 5500)), stream.flush()])
    assert level_dbfs(heard[400:-400]) < -60
