"""Cuts text that is still being written into clauses that can be spoken already.

The first words of an answer should be heard before its last are known, but a voice needs whole
clauses to get the melody right. A clause ends at the end of a sentence or, once it is long enough,
at a comma. The character after the mark decides: without a space behind it, a mark belongs to a
number, a time or an abbreviation. What comes out, put together, is what went in.
"""

import re
from dataclasses import dataclass
from typing import Final

_SHORTEST: Final = 4
"""Letters of a clause that ends a sentence: "Yes." is one."""
_SHORTEST_AT_COMMA: Final = 16
"""Below this a pause would sound like hesitation."""
_LONGEST: Final = 200
"""Then a clause is cut between two words: nobody should wait for a sentence without end."""

_MARK: Final = re.compile(r"[.!?;:,\u2026]+[\"'\u201d\u2019)\]]*(?=\s)|\n")
_SHORTENED: Final = """
    mr mrs ms dr prof st jr sr vs etc inc ltd co corp dept approx appt ext fig vol
    mon tue wed thu fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec
"""
_ABBREVIATIONS: Final = frozenset(_SHORTENED.split())
_LAST_WORD: Final = re.compile(r"(\S*?)[.]+\S*$")
_SENTENCE_END: Final = frozenset(".!?\u2026\n")


@dataclass(slots=True)
class ClauseSplitter:
    """One text in the making."""

    _rest: str = ""
    _looked_to: int = 0
    """Marks before it were looked at and end no clause."""

    def feed(self, text: str) -> list[str]:
        """Clauses that `text` completes, with the space behind them."""
        self._rest += text
        clauses: list[str] = []
        while (end := self._end()) is not None:
            clauses.append(self._cut(end))
        return clauses

    def words_so_far(self) -> str:
        """Whole words that lie ready though no clause is complete; they are taken out."""
        at = max(self._rest.rfind(" "), self._rest.rfind("\n"))
        return self._cut(at + 1) if self._rest[: at + 1].strip() else ""

    def flush(self) -> str:
        """What is left at the end of the text."""
        return self._cut(len(self._rest))

    def _cut(self, end: int) -> str:
        clause, self._rest = self._rest[:end], self._rest[end:]
        self._looked_to = 0
        return clause

    def _end(self) -> int | None:
        for mark in _MARK.finditer(self._rest, self._looked_to):
            if self._ends_clause(mark):
                return _behind_spaces(self._rest, mark.end())
            self._looked_to = mark.end()
        if len(self._rest) > _LONGEST:
            at = self._rest.rfind(" ", 0, _LONGEST)
            return at + 1 if at > 0 else _LONGEST
        return None

    def _ends_clause(self, mark: re.Match[str]) -> bool:
        clause = self._rest[: mark.end()]
        letters = len(clause.strip())
        if mark[0][0] not in _SENTENCE_END:
            return letters >= _SHORTEST_AT_COMMA
        if mark[0][0] == "." and _is_abbreviated(clause):
            return False
        return letters >= _SHORTEST


def _behind_spaces(text: str, at: int) -> int:
    """All of a space that is here already goes with the clause before it."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _is_abbreviated(clause: str) -> bool:
    """Whether the full stop at the end belongs to its word: "Dr.", "J.", "e.g.", "1."."""
    match = _LAST_WORD.search(clause)
    word = match[1].strip("\"'(").lower() if match else ""
    single = len(word) == 1 and word.isalpha() and word != "i"
    numbered = word.isdigit() and clause.strip() == f"{word}."
    return single or numbered or "." in word or word in _ABBREVIATIONS
