"""Clauses come as early as they can be spoken, and nothing is lost between them."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.dialog.clauses import ClauseSplitter
from switchboard_agent.dialog.end_marker import HANG_UP, KEYS, TRANSFER, EndMarker, keys_mark
from switchboard_contract.dialog import MOST_KEYS
from switchboard_media import dtmf


def clauses(text: str) -> list[str]:
    splitter = ClauseSplitter()
    found = [clause for letter in text for clause in splitter.feed(letter)]
    return [clause.strip() for clause in (*found, splitter.flush()) if clause.strip()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes. We are open today.", ["Yes.", "We are open today."]),
        ("Sure, I can do that for you.", ["Sure, I can do that for you."]),
        (
            "We are open on Monday, on Tuesday and on Friday.",
            ["We are open on Monday,", "on Tuesday and on Friday."],
        ),
        ("Dr. Smith is in. Shall I ask?", ["Dr. Smith is in.", "Shall I ask?"]),
        ("It is 3.5 percent, e.g. 1,000.50 dollars. Fine?", None),
        ("Come at 10:30 a.m. tomorrow. Bye.", ["Come at 10:30 a.m. tomorrow.", "Bye."]),
        ("1. First do this. 2. Then that.", ["1. First do this.", "2. Then that."]),
        ("Mary J. Blige called. Really!", ["Mary J. Blige called.", "Really!"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Wait... what? Oh no!", ["Wait...", "what?", "Oh no!"]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("So do I. And you?", ["So do I.", "And you?"]),
    ],
)
def test_clauses_end_where_a_voice_may_pause(text: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = ["It is 3.5 percent,", "e.g. 1,000.50 dollars.", "Fine?"]
    assert clauses(text) == expected


def test_a_sentence_without_end_is_cut_between_words() -> None:
    splitter = ClauseSplitter()
    (clause,) = splitter.feed("word " * 45)
    assert len(clause) <= 200
    assert clause.endswith("word ")


def test_words_so_far_are_whole_words() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("I can cert") == []
    assert splitter.words_so_far() == "I can "
    assert splitter.words_so_far() == ""
    assert splitter.feed("ainly do that. ") == ["certainly do that. "]


_TEXT = st.text(st.sampled_from("ab .,!?\n1\"'DrMe"), max_size=120) | st.text(max_size=60)


@given(_TEXT, st.lists(st.integers(0, 120), max_size=6), st.booleans())
def test_all_clauses_together_are_the_text(text: str, places: list[int], hurry: bool) -> None:
    splitter, found, at = ClauseSplitter(), list[str](), 0
    for end in [*sorted(min(place, len(text)) for place in places), len(text)]:
        found += splitter.feed(text[at:end])
        if hurry:
            found.append(splitter.words_so_far())
        at = end
    assert "".join([*found, splitter.flush()]) == text


@given(st.text(st.sampled_from("ab .,!?\nDr"), max_size=80))
def test_clauses_do_not_depend_on_the_pieces_the_text_came_in(text: str) -> None:
    whole = ClauseSplitter()
    at_once = [*whole.feed(text), whole.flush()]
    assert clauses(text) == [clause.strip() for clause in at_once if clause.strip()]


_BEFORE = st.text(st.sampled_from("ab [hang_up] ,."), max_size=30).filter(
    lambda text: HANG_UP not in text.lower().replace(" ", "_")
)


@given(
    _BEFORE,
    st.sampled_from([HANG_UP, "[HANG_UP]", "[hang up]", "[Hang-Up]", TRANSFER, "[TRANSFER]"]),
    st.data(),
)
def test_the_mark_is_found_in_any_pieces_and_never_spoken(
    before: str, mark: str, data: st.DataObject
) -> None:
    text = f"{before}\n{mark} whatever"
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    cuts = [0, *sorted(places), len(text)]
    marker = EndMarker((HANG_UP, TRANSFER))
    spoken = "".join(marker.feed(text[a:b]) for a, b in pairwise(cuts))
    assert marker.seen == (TRANSFER if "t" in mark.lower() else HANG_UP)
    assert spoken + marker.flush() == f"{before}\n"


@given(_BEFORE)
def test_text_without_a_mark_is_spoken_but_for_half_a_mark_at_its_end(text: str) -> None:
    marker = EndMarker((HANG_UP, TRANSFER))
    spoken = "".join(marker.feed(letter) for letter in text)
    held = text[len(spoken) :]
    assert not marker.seen
    assert text.startswith(spoken)
    assert any(mark.startswith(held.replace(" ", "_")) for mark in (HANG_UP, TRANSFER))
    assert marker.flush() == (held if len(held) <= 1 else "")


@given(
    st.text(max_size=20).filter(lambda text: "[" not in text),
    st.text(dtmf.KEYS + "w,", min_size=1, max_size=MOST_KEYS).filter(
        lambda keys: keys.strip("w,") != ""
    ),
    st.sampled_from([keys_mark, "[KEYS {}]".format, "[keys: {} ]".format, "[keys_{}".format]),
    st.data(),
)
def test_keys_are_found_in_any_pieces_and_never_spoken(
    before: str, keys: str, written: Callable[[str], str], data: st.DataObject
) -> None:
    text = f"{before}{written(keys)}"
    closed = text.endswith("]")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    marker = EndMarker((HANG_UP, KEYS))
    spoken = "".join(marker.feed(text[a:b]) for a, b in pairwise([0, *cuts, len(text)]))
    assert spoken + marker.flush() == before
    assert (marker.seen, marker.keys) == ((KEYS, keys) if closed else ("", ""))


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("[keys 1 2 #]", "12#"),
        ("[Keys 55-12]", "5512"),
        ("[keys wwa]", "wwA"),
        ("[keys w]", ""),
        ("[keys one]", ""),
        ("[keys ]", ""),
        (f"[keys {'1' * (MOST_KEYS + 1)}]", ""),
    ],
)
def test_keys_are_read_kindly_and_what_no_telephone_has_is_dropped(written: str, keys: str) -> None:
    marker = EndMarker((HANG_UP, KEYS))
    assert marker.feed(f"Well. {written} and more") == "Well. "
    assert (marker.seen, marker.keys) == (KEYS, keys)


def test_keys_that_never_end_are_none_and_hold_nothing_back_for_ever() -> None:
    marker = EndMarker((HANG_UP, KEYS))
    assert marker.feed("Well. [keys " + "1" * 200) == "Well. "
    assert (marker.seen, marker.keys) == (KEYS, "")


def test_keys_are_words_to_a_model_that_may_not_press_them() -> None:
    marker = EndMarker((HANG_UP,))
    assert marker.feed("[keys 12]") == "[keys 12]"
