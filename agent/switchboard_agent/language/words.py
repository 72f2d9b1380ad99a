"""Words of an utterance, the same for all that compare them, and phrases found among them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

Words = tuple[str, ...]

_WORD: Final = re.compile(r"[a-z']+|[0-9]")
_CURLY_APOSTROPHE: Final = "\N{RIGHT SINGLE QUOTATION MARK}"


def words_of(text: str) -> Words:
    """Lower-case words and single digits; everything else separates them."""
    return tuple(_WORD.findall(text.lower().replace(_CURLY_APOSTROPHE, "'")))


def phrases(texts: Iterable[str]) -> tuple[Words, ...]:
    """Phrases ready to be looked for, the longest first."""
    return tuple(sorted({words_of(text) for text in texts}, key=lambda words: (-len(words), words)))


def contains(words: Sequence[str], wanted: Sequence[Words]) -> bool:
    """Whether one of the phrases stands among the words."""
    return len(without(words, wanted)) < len(words)


def without(words: Sequence[str], unwanted: Sequence[Words]) -> Words:
    """The words that belong to none of the phrases; `unwanted` has the longest first."""
    left: list[str] = []
    at = 0
    while at < len(words):
        found = next((p for p in unwanted if tuple(words[at : at + len(p)]) == p), None)
        if found:
            at += len(found)
        else:
            left.append(words[at])
            at += 1
    return tuple(left)


def without_begun(words: Sequence[str], expected: Sequence[Words]) -> Words:
    """The words without the begin of a phrase at their end, which may become that phrase."""
    for at in range(len(words)):
        tail = tuple(words[at:])
        if any(len(p) > len(tail) and p[: len(tail)] == tail for p in expected):
            return tuple(words[:at])
    return tuple(words)
