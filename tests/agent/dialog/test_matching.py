import pytest

from switchboard_agent.dialog.matching import Control, PhraseForm, PhraseIndex, Target

_PHRASES: dict[str, list[str]] = {
    "book": ["i would like to book an appointment", "can i come on {day}"],
    "cancel": ["i would like to cancel my appointment"],
    "hours": ["what are your opening hours", "what time do you open"],
    "goodbye": ["goodbye", "that is all thank you goodbye"],
}
_INDEX = PhraseIndex(
    [
        *(PhraseForm(Control.YES, tuple(p.split())) for p in ("yes", "that is perfect thank you")),
        *(
            PhraseForm(name, tuple(phrase.split()))
            for name, phrases in _PHRASES.items()
            for phrase in phrases
        ),
    ]
)


@pytest.mark.parametrize(
    ("said", "target"),
    [
        ("i would like to book an appointment", "book"),
        ("hello i would like to book an appointment please", "book"),
        ("i would like to cancel appointment", "cancel"),
        ("um can i come on {day} please", "book"),
        ("what are your opening hours", "hours"),
        ("your opening hours", "hours"),
        ("that is all thank you goodbye", "goodbye"),
        ("that is perfect thank you", Control.YES),
        ("i would like to", None),
        ("my dog would like to eat the homework", None),
        ("", None),
    ],
)
def test_utterances_mean_the_phrase_whose_telling_words_they_hold(
    said: str, target: Target | None
) -> None:
    match = _INDEX.match(said.split())
    assert (match.target if match else None) == target


def test_a_phrase_said_exactly_explains_all_of_it() -> None:
    match = _INDEX.match(["yes"])
    assert match is not None
    assert match.share == pytest.approx(1.0)


def test_an_empty_index_matches_nothing() -> None:
    assert PhraseIndex([]).match(["hello"]) is None
