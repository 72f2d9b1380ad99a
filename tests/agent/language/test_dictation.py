"""What is dictated with long pauses must not be taken for whole too early, nor too late."""

import pytest

from switchboard_agent.language.dictation import Dictation
from switchboard_agent.language.english import DICTATION

dictation = Dictation(DICTATION)

PHONE = "What is your phone number?"
CARD = "Please tell me the card number."
CODE = "And the code?"
MAIL = "What is your e-mail address?"
STREET = "And your address?"
SPELL = "How do you spell that?"


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("", "my number is five five five"),
        ("", "it is five five five one two three"),
        ("", "call me at 555 123"),
        ("", "it is double"),
        (PHONE, "five"),
        (PHONE, "five five five um"),
        (PHONE, "two one two five five five one two"),
        (CARD, "four one one one two two two two three three three three"),
        (CODE, "it is seven"),
        ("", "that is j o h n"),
        (SPELL, "s"),
        (SPELL, "sierra alpha"),
        (MAIL, "it is"),
        (MAIL, "john smith"),
        (MAIL, "john dot smith at"),
        (MAIL, "john dot smith at gmail"),
        (MAIL, "john@example"),
        ("", "send it to ann at gmail"),
        ("", "it is ann at smile dot"),
        (STREET, "twelve"),
        (STREET, "12 oak"),
        (STREET, "12 oak street"),
    ],
)
def test_half_of_it_is_open(asked: str, text: str) -> None:
    assert dictation.is_open(text, asked)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("", "a table for two please"),
        ("", "i am 45"),
        ("", "at three"),
        ("", "meet me at the office"),
        ("", "it is five five five one two three four"),
        ("", "two one two five five five one two three four"),
        (PHONE, "five five five one two three four"),
        (PHONE, "2125551234"),
        (PHONE, "i do not have one at the moment i am afraid so no"),
        (CARD, "4111222233334444"),
        ("Your zip code?", "nine four one oh three"),
        (MAIL, "john dot smith at gmail dot com"),
        (MAIL, "john@example.org"),
        ("", "send it to ann at gmail dot com"),
        (STREET, "12 oak street springfield"),
        (STREET, "12 oak street springfield 94103"),
        (SPELL, "smith"),
        ("", "i watch t v"),
        ("", ""),
    ],
)
def test_the_whole_of_it_is_not(asked: str, text: str) -> None:
    assert not dictation.is_open(text, asked)


@pytest.mark.parametrize("text", ["five five", "john at", "call 555", "j o", "john underscore"])
def test_the_end_of_something_dictated_is_seen(text: str) -> None:
    assert dictation.ends_dictated(text)


@pytest.mark.parametrize("text", ["", "i would like to", "on monday and"])
def test_other_words_are_not_dictated(text: str) -> None:
    assert not dictation.ends_dictated(text)
