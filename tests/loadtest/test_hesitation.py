import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_loadtest.hesitation import Pause, added_silence, pauses
from switchboard_loadtest.measure import Flags

SPEECH = "##########...#########.......##############..########"


def flags(text: str) -> Flags:
    return np.array([mark == "#" for mark in text], np.bool_)


def test_pauses_are_told_by_the_sound_before_them() -> None:
    assert pauses(flags("###..##.#")) == [Pause(60, 40), Pause(100, 20)]
    assert pauses(flags("....")) == []


def test_the_same_words_have_no_added_silence() -> None:
    assert set(added_silence(pauses(flags(SPEECH)), pauses(flags(SPEECH)))) == {0.0}


@given(st.integers(1, len(SPEECH) - 2), st.integers(3, 20))
def test_silence_put_in_anywhere_is_found_in_full(place: int, frames: int) -> None:
    late = SPEECH[:place] + "." * frames + SPEECH[place:]
    added = added_silence(pauses(flags(late)), pauses(flags(SPEECH)))
    assert sum(added) == pytest.approx(frames * 20)


def test_silence_put_in_beside_a_pause_is_found_in_one_piece() -> None:
    late = SPEECH.replace(".......", "." * 14)
    assert max(added_silence(pauses(flags(late)), pauses(flags(SPEECH)))) == 140


def test_stretched_sound_is_no_silence() -> None:
    stretched = SPEECH.replace("#########.", "###########.")
    assert max(added_silence(pauses(flags(stretched)), pauses(flags(SPEECH)))) == 0


def test_a_pause_that_is_missing_does_not_shift_the_others() -> None:
    missing = SPEECH.replace("...#", "####", 1)
    assert max(added_silence(pauses(flags(missing)), pauses(flags(SPEECH)))) <= 60
