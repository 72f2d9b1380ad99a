import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from switchboard_media import pcm

sounds = hnp.arrays(np.int16, st.integers(0, 400))


def test_a_full_scale_square_wave_is_zero_dbfs() -> None:
    assert pcm.level_dbfs(np.full(320, -32768, np.int16)) == pytest.approx(0.0)


def test_a_full_scale_sine_is_three_db_below() -> None:
    sine = (32767 * np.sin(2 * np.pi * np.arange(1600) / 16)).astype(np.int16)
    assert pcm.level_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert pcm.peak_dbfs(sine) == pytest.approx(0.0, abs=0.01)


def test_half_the_amplitude_is_six_db_less() -> None:
    loud, soft = np.full(100, 8000, np.int16), np.full(100, 4000, np.int16)
    assert pcm.level_dbfs(loud) - pcm.level_dbfs(soft) == pytest.approx(6.02, abs=0.01)


@pytest.mark.parametrize("sound", [np.zeros(320, np.int16), np.zeros(0, np.int16)])
def test_silence_and_nothing_read_the_floor(sound: pcm.Pcm) -> None:
    assert pcm.level_dbfs(sound) == pcm.SILENCE_DBFS
    assert pcm.peak_dbfs(sound) == pcm.SILENCE_DBFS


@given(sounds)
def test_levels_stay_on_their_scale(sound: pcm.Pcm) -> None:
    assert pcm.SILENCE_DBFS <= pcm.level_dbfs(sound) <= 0.0
    assert pcm.SILENCE_DBFS <= pcm.peak_dbfs(sound) <= 0.0
    assert pcm.level_dbfs(sound) <= pcm.peak_dbfs(sound) + 1e-3


@given(sounds)
def test_bytes_round_trip(sound: pcm.Pcm) -> None:
    assert np.array_equal(pcm.from_bytes(pcm.to_bytes(sound)), sound)


def test_bytes_are_little_endian_and_half_a_sample_is_left_off() -> None:
    assert pcm.from_bytes(b"\x01\x02\xff\xff\x7f").tolist() == [0x0201, -1]


def test_a_frame_has_the_samples_of_its_time() -> None:
    assert pcm.PcmFormat(16_000).frame_samples == 320
    assert len(pcm.PcmFormat(8000, frame_ms=30).silence()) == 240
