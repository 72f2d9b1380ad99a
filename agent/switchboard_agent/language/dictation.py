"""Whether what a caller dictates is whole: digits, letters, an e-mail address, a street address.

People pause for a second in the middle of a number, longer than after any sentence. So the words
are looked at from their end: does something stand there that is dictated piece by piece, and is
it too short to be all? What was asked for tells more: after "your card number?" sixteen digits are
awaited, after "how do you spell it?" a single letter is the begin of a word.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"[a-z']+|[0-9]+|@|\.(?=[a-z])")
_LOCAL_NUMBER: Final = 7
_LONG_NUMBER: Final = 10
_FEWEST_DIGITS: Final = 3
"""Fewer in a row, not asked for, are a number in some other sense."""
_FEWEST_LETTERS: Final = 3
_ZIP: Final = re.compile(r"[0-9]{5}")


@dataclass(frozen=True, slots=True)
class DictationTable:
    """What a language dictates with."""

    digits: frozenset[str]
    """Words for one digit."""
    repeats: frozenset[str]
    """Words after which a digit or letter counts several times."""
    fillers: frozenset[str]
    letters: frozenset[str]
    """Words that stand for one letter: "alpha", "bravo"."""
    at: frozenset[str]
    dot: frozenset[str]
    joints: frozenset[str]
    """Words between the parts of an address: "dash", "underscore"."""
    endings: frozenset[str]
    """Top-level domains as they are spoken."""
    mail_hosts: frozenset[str]
    """Hosts that make an "at" before them part of an e-mail address."""
    streets: frozenset[str]
    asked_mail: frozenset[str]
    asked_spelling: frozenset[str]
    asked_street: frozenset[str]
    asked_digits: Mapping[str, tuple[int, ...]]
    """By a word of the question: lengths that such a number may have; none if they vary."""


class Dictation:
    """Judges words by the table of their language."""

    __slots__ = ("_table",)

    def __init__(self, table: DictationTable) -> None:
        self._table = table

    def ends_dictated(self, text: str) -> bool:
        """Whether the last word is one that is dictated piece by piece."""
        tokens = self._tokens(text)
        if not tokens:
            return False
        table, last = self._table, tokens[-1]
        marks = table.at | table.dot | table.joints | table.repeats | table.mail_hosts
        return self._is_digit(last) or self._is_letter(last) or last.isdigit() or last in marks

    def is_open(self, text: str, asked: str = "") -> bool:
        """Whether something dictated has been begun and is not whole."""
        tokens = self._tokens(text)
        question = frozenset(self._tokens(asked))
        if not tokens:
            return False
        if self._is_mail(tokens, question):
            return not self._mail_is_whole(tokens)
        if tokens[-1] in self._table.repeats:
            return True
        if question & self._table.asked_street and not question & self._table.asked_spelling:
            return not self._street_is_whole(tokens)
        return self._digits_open(tokens, question) or self._letters_open(tokens, question)

    def _tokens(self, text: str) -> list[str]:
        found = _TOKEN.findall(text.lower().replace("e-mail", "email"))
        return [token for token in found if token not in self._table.fillers]

    def _is_digit(self, token: str) -> bool:
        return token in self._table.digits

    def _is_letter(self, token: str) -> bool:
        return (len(token) == 1 and token.isalpha()) or token in self._table.letters

    def _is_mail(self, tokens: Sequence[str], question: frozenset[str]) -> bool:
        if question & self._table.asked_mail:
            return True
        at = next((i for i, token in enumerate(tokens) if token in self._table.at), None)
        if at is None:
            return False
        after = set(tokens[at + 1 :])
        return tokens[at] == "@" or bool(after & (self._table.dot | self._table.mail_hosts))

    def _mail_is_whole(self, tokens: Sequence[str]) -> bool:
        has_at = any(token in self._table.at for token in tokens)
        ended = tokens[-1] in self._table.endings and tokens[-2:-1] != []
        return has_at and ended and tokens[-2] in self._table.dot

    def _street_is_whole(self, tokens: Sequence[str]) -> bool:
        if _ZIP.fullmatch(tokens[-1]):
            return True
        run = self._digit_run(tokens)
        if run and run < len(tokens):
            return run >= 5  # noqa: PLR2004  digits of a zip code, dictated
        return any(token in self._table.streets for token in tokens[:-1])

    def _digit_run(self, tokens: Sequence[str]) -> int:
        """Digits at the end: words, single numerals, and longer ones where several stand there."""
        table = self._table
        count, numerals = 0, 0
        for token in reversed(tokens):
            if token in table.repeats or token in table.digits:
                count += 1
            elif token.isdigit():
                count += len(token)
                numerals += len(token) > 1
            else:
                break
        whole = numerals == 1 and tokens[-1].isdigit() and count == len(tokens[-1])
        return 1 if whole and count < _LOCAL_NUMBER else count

    def _digits_open(self, tokens: Sequence[str], question: frozenset[str]) -> bool:
        run = self._digit_run(tokens)
        topics = [lengths for word, lengths in self._table.asked_digits.items() if word in question]
        if run and topics:
            lengths = next((each for each in topics if each), ())
            return run not in lengths and run < max(lengths, default=_LOCAL_NUMBER)
        if run < _FEWEST_DIGITS:
            return False
        return run < _LOCAL_NUMBER or _LOCAL_NUMBER < run < _LONG_NUMBER

    def _letters_open(self, tokens: Sequence[str], question: frozenset[str]) -> bool:
        run = 0
        for token in reversed(tokens):
            if not self._is_letter(token):
                break
            run += 1
        return run >= (1 if question & self._table.asked_spelling else _FEWEST_LETTERS)
