"""Phone numbers, digit by digit: "five five five one two three four", "oh", "double two", keys."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from switchboard_agent.dialog.slots.base import Found, SlotGrammar, Tokens
from switchboard_agent.dialog.slots.numbers import ONES

_DIGITS: Final = {word: str(value) for value, word in enumerate(ONES)} | {"oh": "0", "o": "0"}
_REPEATS: Final = {"double": 2, "triple": 3}
_FILLERS: Final = frozenset({"um", "uh"})
_EXAMPLES: Final = 120
_MIN_OPEN_DIGITS: Final = 2
"""Fewer digits in a row are a number in some other sense."""


@dataclass(frozen=True, slots=True)
class _Run:
    digits: str
    start: int
    end: int
    dangling: bool
    """Ends with "double" or "triple"."""


@dataclass(frozen=True, slots=True)
class PhoneGrammar(SlotGrammar):
    """A number of exactly `digits` digits."""

    digits: int

    @property
    @override
    def label(self) -> str:
        return "phone number"

    @property
    @override
    def answers(self) -> Sequence[str]:
        return (
            "{}",
            "{}",
            "{}",
            "my phone number is {}",
            "my number is {}",
            "it is {}",
            "the number is {}",
            "you can reach me at {}",
        )

    @override
    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        run = max(_runs(words), key=lambda run: len(run.digits), default=None)
        if run is None or not run.digits:
            return None
        precise = len(run.digits) == self.digits and not run.dangling
        if not precise and (not asked or len(run.digits) > self.digits):
            return None
        return Found(run.digits, run.start, run.end, precise=precise)

    @override
    def from_keys(self, keys: str) -> str | None:
        digits = "".join(key for key in keys if key.isdigit())
        return digits if len(digits) == self.digits else None

    @override
    def say(self, value: str) -> str:
        return spell(value)

    @override
    def is_open(self, words: Tokens) -> bool:
        runs = _runs(words)
        if not runs or runs[-1].end != len(words):
            return False
        last = runs[-1]
        return last.dangling or _MIN_OPEN_DIGITS <= len(last.digits) < self.digits

    @override
    def examples(self) -> Sequence[str]:
        draw = random.Random(self.digits)  # noqa: S311  examples must be the same every time
        return [_spoken(draw, self.digits) for _ in range(_EXAMPLES)]

    @property
    @override
    def key_hint(self) -> str | None:
        return f"You can also enter the {self.digits} digits with the keys of your phone."

    @override
    def combine(self, hint: str, found: Found) -> Found:
        together = hint + found.value
        if found.precise or len(together) > self.digits:
            return found
        return replace(found, value=together, precise=len(together) == self.digits)

    @override
    def agrees(self, value: str, hint: str) -> bool:
        return False

    @override
    def follow_up(self, hint: str) -> str | None:
        return f"{spell(hint)}. And the rest?"


def spell(digits: str) -> str:
    """Digits one by one, in groups with a pause between: three first, then by four."""
    head = len(digits) % 4 or min(4, len(digits))
    groups = [digits[:head], *(digits[at : at + 4] for at in range(head, len(digits), 4))]
    return ", ".join(" ".join(group) for group in groups if group)


def _runs(words: Tokens) -> list[_Run]:
    runs: list[_Run] = []
    at = 0
    while at < len(words):
        run = _run_at(words, at)
        if run is None:
            at += 1
        else:
            runs.append(run)
            at = run.end
    return runs


def _run_at(words: Tokens, start: int) -> _Run | None:
    digits, times, end, at = "", 1, start, start
    while at < len(words):
        word = words[at]
        at += 1
        if word in _REPEATS:
            times = _REPEATS[word]
        elif (digit := _digit(word)) is not None:
            digits += digit * times
            times = 1
        elif not (word in _FILLERS and digits):
            break
        if word not in _FILLERS:
            end = at
    dangling = times > 1 and end > start
    return _Run(digits, start, end, dangling) if digits or dangling else None


def _digit(word: str) -> str | None:
    if word.isascii() and word.isdigit():
        return word
    return _DIGITS.get(word)


def _spoken(draw: random.Random, count: int) -> str:
    words: list[str] = []
    left = count
    while left:
        digit = draw.randrange(10)
        word = "oh" if digit == 0 and draw.random() < 0.5 else ONES[digit]  # noqa: PLR2004  evenly
        if left > 1 and draw.random() < 0.04:  # noqa: PLR2004  now and then
            words += ["double", word]
            left -= 2
        else:
            words.append(word)
            left -= 1
    return " ".join(words)
