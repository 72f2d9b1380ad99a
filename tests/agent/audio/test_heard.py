from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.audio.heard import heard_words

TEXT = st.text(st.sampled_from("ab, .?"), max_size=60)


def test_nothing_played_is_nothing_heard() -> None:
    assert heard_words("hello there", 0, 16_000) == ""


def test_all_played_is_all_heard() -> None:
    assert heard_words("hello there", 16_000, 16_000) == "hello there"


def test_a_word_counts_once_most_of_it_was_played() -> None:
    assert heard_words("aaaa bbbb", 4, 9) == "aaaa"
    assert heard_words("aaaa bbbb", 8, 9) == "aaaa bbbb"


def test_pauses_of_punctuation_take_their_share() -> None:
    text = "yes. we are open"
    assert heard_words(text, 7, 20) == "yes."


@given(text=TEXT, total=st.integers(1, 1000), share=st.floats(0, 1), more=st.floats(0, 1))
def test_what_was_heard_is_a_beginning_that_only_grows(
    text: str, total: int, share: float, more: float
) -> None:
    words = text.split()
    early = heard_words(text, int(total * share), total).split()
    late = heard_words(text, int(total * max(share, more)), total).split()
    assert words[: len(early)] == early
    assert late[: len(early)] == early
