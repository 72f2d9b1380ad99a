import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.shaping import LEVEL_DBFS, Shaper, gain_for

_RATE = 22_050


def _tone(seconds: float, amplitude: float = 8000) -> Pcm:
    time = np.arange(int(seconds * _RATE)) / _RATE
    return (amplitude * np.sin(2 * np.pi * 300 * time)).astype(np.int16)


def _silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * _RATE), np.int16)


def _shape(pcm: Pcm, chunk: int, gain: float = 1.0) -> Pcm:
    shaper = Shaper(_RATE, gain)
    out = [shaper.process(pcm[at : at + chunk]) for at in range(0, len(pcm), chunk)]
    return np.concatenate([*out, shaper.flush()])


def _level_dbfs(pcm: Pcm) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)) / 32768))


@settings(deadline=None)
@given(st.integers(200, 20_000))
def test_silence_around_the_words_is_cut_and_pauses_are_kept(chunk: int) -> None:
    spoken = np.concatenate([_silence(0.3), _tone(0.5), _silence(0.2), _tone(0.5), _silence(0.6)])
    shaped = _shape(spoken, chunk)
    assert len(shaped) / 16_000 == pytest.approx(0.5 + 0.2 + 0.5 + 0.045, abs=0.01)
    assert np.flatnonzero(np.abs(shaped) > 1000)[0] < 16_000 * 0.010


def test_how_the_synthesiser_cuts_its_output_changes_nothing() -> None:
    spoken = np.concatenate([_silence(0.1), _tone(0.7), _silence(0.1)])
    cut, whole = _shape(spoken, 441), _shape(spoken, len(spoken))
    assert len(cut) == len(whole)
    assert np.abs(cut.astype(np.int32) - whole).max() <= 2  # the resampler dithers


def test_silence_alone_is_nothing() -> None:
    assert len(_shape(_silence(1.0), 2205)) == 0


@settings(deadline=None)
@given(st.floats(4000, 30_000))
def test_any_loudness_comes_to_the_same_level(amplitude: float) -> None:
    tone = _tone(0.5, amplitude)
    shaped = _shape(tone, 2205, gain_for(tone))
    assert _level_dbfs(shaped[800:-800]) == pytest.approx(LEVEL_DBFS, abs=0.8)


def test_a_peak_is_never_clipped_by_the_gain() -> None:
    quiet_with_a_click = _tone(0.5, 400)
    quiet_with_a_click[5000] = 20_000
    assert 20_000 * gain_for(quiet_with_a_click) < 32_767


def test_silence_has_no_gain_to_measure() -> None:
    assert gain_for(_silence(0.1)) == 1.0
