"""Yes and no, with the many ways to say them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from switchboard_agent.dialog.slots.base import Found, SlotGrammar, Tokens

YES: Final = "yes"
NO: Final = "no"

YES_PHRASES: Final = (
    "yes",
    "yes please",
    "yes that is right",
    "yes that is correct",
    "yes thank you",
    "that is right",
    "that is correct",
    "that works for me",
    "that is perfect thank you",
    "okay",
    "okay sounds good",
    "sounds good",
    "sure",
)
NO_PHRASES: Final = (
    "no",
    "no thank you",
    "no that is wrong",
    "no that is not right",
    "that is wrong",
    "that is not right",
)

_YES_WORDS: Final = frozenset(
    (
        "yes",
        "yeah",
        "yep",
        "sure",
        "okay",
        "right",
        "correct",
        "perfect",
        "exactly",
        "works",
        "sounds",
        "fine",
    )
)
_NO_WORDS: Final = frozenset(("no", "nope", "not", "wrong", "incorrect"))


def yes_or_no(words: Tokens) -> Found | None:
    """The answer, by its telling words; any "no" outweighs a "yes" ("that is not right")."""
    for value, telling in ((NO, _NO_WORDS), (YES, _YES_WORDS)):
        for at, word in enumerate(words):
            if word in telling:
                return Found(value, at, at + 1)
    return None


@dataclass(frozen=True, slots=True)
class YesNoGrammar(SlotGrammar):
    """A question answered with yes or no; the value is one of these words."""

    @property
    @override
    def label(self) -> str:
        return "answer"

    @property
    @override
    def answers(self) -> Sequence[str]:
        return ("{}",)

    @override
    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        return yes_or_no(words) if asked else None

    @override
    def from_keys(self, keys: str) -> str | None:
        return {"1": YES, "2": NO}.get(keys.strip("#"))

    @override
    def say(self, value: str) -> str:
        return value

    @override
    def examples(self) -> Sequence[str]:
        return (*YES_PHRASES, *NO_PHRASES)

    @property
    @override
    def key_hint(self) -> str | None:
        return "Press one for yes or two for no."
