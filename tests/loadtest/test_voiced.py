import numpy as np

from switchboard_loadtest.voiced import Span, is_onset, voiced_span
from tests.loadtest.sounds import RATE_HZ, padded, quiet, tone


def test_padding_of_a_synthesiser_is_not_speech() -> None:
    assert voiced_span(padded(400), RATE_HZ) == Span(100, 500)


def test_silence_has_no_span() -> None:
    assert voiced_span(quiet(400), RATE_HZ) is None


def test_a_click_is_no_onset() -> None:
    sound = np.concatenate([tone(20), quiet(300), tone(200)])
    assert voiced_span(sound, RATE_HZ) == Span(320, 520)


def test_three_voiced_frames_of_five_are_an_onset() -> None:
    assert is_onset(np.array([True, False, True, False, True]), 0)
    assert not is_onset(np.array([True, False, True, False, False]), 0)
    assert not is_onset(np.array([False, True, True, True, True]), 0)
