"""What every slot type knows.

A grammar is pure: words in, a value and its place out. Values are short plain strings that do not
depend on the date of the call ("next tuesday", "14:30", "5551234"), so that a script's outcome can
be compared, stored and read back. The same grammar gives examples of what callers say, from which
the recogniser's language model is built: what is not in the examples is heard badly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Tokens = Sequence[str]
"""Lower-case words of one utterance; a word already taken by another slot is an empty string."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the words it was made from: `words[start:end]`."""

    value: str
    start: int
    end: int
    precise: bool = True
    """False for a value that narrows the answer but is not one: "afternoon", half a number."""


class SlotGrammar(Protocol):
    """One kind of value."""

    @property
    def label(self) -> str:
        """What callers call it: "phone number"."""

    @property
    def answers(self) -> Sequence[str]:
        """Usual ways to say it, `{}` standing for the value."""

    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        """Look for a value; `asked` allows readings that would be too bold elsewhere."""

    def say(self, value: str) -> str:
        """The value as the agent reads it back."""

    def examples(self) -> Sequence[str]:
        """Values as callers say them, for the language model."""

    def is_open(self, words: Tokens) -> bool:  # noqa: ARG002  a usual answer, for types that need none
        """Whether the words stop in the middle of a value."""
        return False

    def from_keys(self, keys: str) -> str | None:  # noqa: ARG002  as above
        """Value of keyed digits (DTMF); None if they do not make one."""
        return None

    @property
    def key_hint(self) -> str | None:
        """How to key the value in; None if it cannot be keyed."""
        return None

    def combine(self, hint: str, found: Found) -> Found:  # noqa: ARG002  as above
        """What was found, in the light of an earlier imprecise value."""
        return found

    def agrees(self, value: str, hint: str) -> bool:  # noqa: ARG002  as above
        """Whether an imprecise value said later leaves the value as it is."""
        return True

    def follow_up(self, hint: str) -> str | None:  # noqa: ARG002  as above
        """What to say after an imprecise value; None for the slot's own question."""
        return None


def take(words: Tokens, start: int, options: Sequence[str]) -> int:
    """Position after the first of `options` (one or more words each) that stands at `start`.

    `start` itself if none does.
    """
    for option in options:
        parts = option.split()
        if list(words[start : start + len(parts)]) == parts:
            return start + len(parts)
    return start
