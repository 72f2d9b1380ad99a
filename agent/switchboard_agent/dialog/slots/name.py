"""Names of people.

A recogniser with a small language model can only give back names it was told of, so the script
should list those to expect. A name said after "my name is" is taken as it is, known or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from switchboard_agent.dialog.slots.base import Found, SlotGrammar, Tokens, take
from switchboard_agent.dialog.slots.day import MONTHS, WEEKDAYS
from switchboard_agent.dialog.slots.numbers import ORDINAL, ROUND, SMALL
from switchboard_agent.dialog.slots.time import PARTS

_LEADS: Final = ("my name is", "the name is", "name is")
_BOLD_LEADS: Final = (*_LEADS, "this is", "i am", "it is")
"""Leads that may begin any other sentence, unless the name was asked for."""
_MAX_WORDS: Final = 3
_FULL_NAME: Final = 2
_USUAL: Final = (
    "sarah johnson",
    "michael brown",
    "david miller",
    "emily davis",
    "james wilson",
    "mary smith",
    "john taylor",
    "linda moore",
    "thomas clark",
    "maria lewis",
)
_SENTENCE_WORDS: Final = """
    a an and any appointment are at book but calling can cancel day do double for from good half
    have he hello help here how i in is it like me moment my need next no noon not of okay on
    one or please quarter really repeat right say sick so sorry speaking sure than thank that
    the there this time to today tomorrow want was we what when where which who why will with
    would wrong yes you your
"""
_NO_NAME: Final = frozenset(
    (*_SENTENCE_WORDS.split(), *SMALL, *ROUND, *ORDINAL, *WEEKDAYS, *MONTHS, *PARTS)
)
"""Words that no name is made of: a sentence is not taken for a name."""


@dataclass(frozen=True, slots=True)
class NameGrammar(SlotGrammar):
    """First and last name; the value is capitalised."""

    known: tuple[str, ...] = _USUAL

    @property
    @override
    def label(self) -> str:
        return "name"

    @property
    @override
    def answers(self) -> Sequence[str]:
        return ("{}", "my name is {}", "my name is {}", "this is {}", "it is {}")

    @override
    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        leads = _BOLD_LEADS if asked else _LEADS
        for start in range(len(words)):
            after = take(words, start, leads)
            if after > start:
                end = _name_end(words, after)
                if end > after:
                    return _found(words, after, end)
        return self._known_in(words) or (_bare(words) if asked else None)

    def _known_in(self, words: Tokens) -> Found | None:
        for name in sorted(self.known, key=len, reverse=True):
            for start in range(len(words)):
                end = take(words, start, (name,))
                if end > start:
                    return _found(words, start, end)
        return None

    @override
    def say(self, value: str) -> str:
        return value

    @override
    def is_open(self, words: Tokens) -> bool:
        return any(take(words, start, _BOLD_LEADS) == len(words) for start in range(len(words)))

    @override
    def examples(self) -> Sequence[str]:
        return self.known or _USUAL


def _found(words: Tokens, start: int, end: int) -> Found:
    return Found(" ".join(word.capitalize() for word in words[start:end]), start, end)


def _name_end(words: Tokens, start: int) -> int:
    end = start
    while end < min(len(words), start + _MAX_WORDS) and words[end] and words[end] not in _NO_NAME:
        end += 1
    return end


def _bare(words: Tokens) -> Found | None:
    """Two or three words, none of which speaks against a name."""
    end = _name_end(words, 0)
    if end < _FULL_NAME or end != len(words):
        return None
    return _found(words, 0, end)
