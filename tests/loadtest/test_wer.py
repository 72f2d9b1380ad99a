import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_loadtest.wer import WordErrors, distance, words

_WORDS = st.lists(st.sampled_from(["one", "two", "three", "o'clock"]), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("yes that is right", "yes that is right", 0),
        ("yes that is right", "yes that was right", 1),
        ("yes that is right", "that is right", 1),
        ("yes that is right", "yes that is all right", 1),
        ("goodbye", "", 1),
        ("", "hello you", 2),
    ],
)
def test_each_changed_lost_or_added_word_counts_once(said: str, heard: str, errors: int) -> None:
    assert distance(words(said), words(heard)) == errors


def test_case_and_punctuation_do_not_count_but_apostrophes_do() -> None:
    assert words("Next Tuesday, at three o'clock!") == ["next", "tuesday", "at", "three", "o'clock"]
    assert words("o\N{RIGHT SINGLE QUOTATION MARK}clock") == ["o'clock"]


def test_turns_that_are_cut_differently_are_no_error() -> None:
    cut = WordErrors.between(["my name is", "sarah johnson"], ["my name is sarah johnson"])
    assert cut == WordErrors(errors=0, words=5)


def test_rates_add_up_over_calls() -> None:
    assert (WordErrors(1, 10) + WordErrors(0, 10)).rate == pytest.approx(0.05)
    assert WordErrors(0, 0).rate == 0.0
    assert WordErrors(2, 0).rate == 1.0


@given(said=_WORDS, heard=_WORDS)
def test_distance_is_a_metric_bounded_by_the_longer_text(said: list[str], heard: list[str]) -> None:
    errors = distance(said, heard)
    assert errors == distance(heard, said)
    assert (errors == 0) == (said == heard)
    assert abs(len(said) - len(heard)) <= errors <= max(len(said), len(heard))
