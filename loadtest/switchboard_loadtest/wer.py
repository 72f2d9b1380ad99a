"""Word error rate: how many words were changed, lost or added on the way from caller to agent.

Pure Levenshtein distance over words. Case and punctuation do not count; an apostrophe belongs to
its word ("o'clock").
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)*")


def words(text: str) -> list[str]:
    """Comparable words of a text: lower case, without punctuation."""
    return _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def distance(said: list[str], heard: list[str]) -> int:
    """Fewest substitutions, deletions and insertions that turn `said` into `heard`."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            cost = min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
            diagonal, row[j] = row[j], cost
    return row[-1]


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors over a number of words; adds up over calls."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        """Errors per word said; 0 where nothing was said and nothing heard."""
        if self.words == 0:
            return 0.0 if self.errors == 0 else 1.0
        return self.errors / self.words

    @classmethod
    def between(cls, said: Iterable[str], heard: Iterable[str]) -> "WordErrors":
        """Compare whole calls: turns may be cut differently without being an error."""
        said_words = words(" ".join(said))
        return cls(distance(said_words, words(" ".join(heard))), len(said_words))

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(self.errors + other.errors, self.words + other.words)
