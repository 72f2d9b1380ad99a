"""Words heard of a reply that is spoken part by part."""

from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.audio.spoken import SpokenText


def spoken() -> SpokenText:
    text = SpokenText()
    text.add("one two.")
    text.add("three four")
    text.begin(0)
    text.end(1000)
    text.begin(1000)
    return text


def test_parts_before_the_one_that_was_cut_are_heard_whole() -> None:
    text = spoken()
    text.end(3000)
    assert text.text == "one two. three four"
    assert text.heard(1000, 3000) == "one two."
    assert text.heard(2100, 3000) == "one two. three"
    assert text.heard(3000, 3000) == "one two. three four"
    assert text.heard(0, 3000) == ""


def test_a_part_that_is_still_made_is_measured_by_the_usual_rate() -> None:
    text = spoken()
    assert text.heard(1000 + 5500, 1000 + 5500) == "one two. three"


def test_words_whose_audio_has_not_begun_are_known_and_not_heard() -> None:
    text = SpokenText()
    text.add("one two.")
    text.add("three four")
    text.begin(0)
    text.end(1000)
    assert text.text == "one two. three four"
    assert text.heard(1000, 1000) == "one two."


def test_a_part_that_breaks_off_ends_the_text_with_its_last_word() -> None:
    text = spoken()
    text.add("five")
    text.break_off(1000 + 5500)
    assert text.text == text.heard(6500, 6500) == "one two. three"


def test_a_part_that_is_said_again_stands_behind_what_was_said_of_it() -> None:
    text = spoken()
    text.add("five")
    text.begin_again(1000 + 5500)
    text.end(16_500)
    assert text.text == "one two. three three four five"
    assert text.heard(6500, 16_500) == "one two. three"
    assert text.heard(16_500, 16_500) == "one two. three three four"


def test_a_part_of_which_nothing_was_said_leaves_no_words() -> None:
    text = spoken()
    text.break_off(1000)
    assert text.text == "one two."


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "to be", "so, well."]), st.integers(0, 900)), max_size=5
    ),
    st.integers(0, 5000),
    st.integers(0, 5000),
)
def test_more_played_is_never_less_heard(
    parts: list[tuple[str, int]], played: int, more: int
) -> None:
    text, at = SpokenText(), 0
    for words, samples in parts:
        text.add(words)
        text.begin(at)
        at += samples
        text.end(at)
    early, late = sorted((min(played, at), min(more, at)))
    assert text.heard(late, at).startswith(text.heard(early, at))
    assert text.text.startswith(text.heard(late, at))
