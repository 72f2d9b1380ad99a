"""Days: "wednesday", "next tuesday", "the tenth of march", "thursday the fourteenth of june".

Values keep the caller's words ("next tuesday", "10 march", "thursday 14 june"): turning them into
a date needs the date of the call, which is not the dialog's to know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from switchboard_agent.dialog.slots.base import Found, SlotGrammar, Tokens, take
from switchboard_agent.dialog.slots.numbers import ORDINAL, ordinal_words

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_RELATIVE: Final = ("the day after tomorrow", "tomorrow", "today")
_LONGEST_MONTH: Final = 31
_UNFINISHED: Final = frozenset(("next", "the", "of"))
"""Words after which a date must go on."""
_CAPITAL: Final = frozenset((*WEEKDAYS, *MONTHS))


@dataclass(frozen=True, slots=True)
class DayGrammar(SlotGrammar):
    """A day, as the caller names it."""

    @property
    @override
    def label(self) -> str:
        return "day"

    @property
    @override
    def answers(self) -> Sequence[str]:
        return ("{}", "{}", "on {}", "{} please", "make it {}")

    @override
    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        last: Found | None = None
        at = 0
        while at < len(words):
            day = _day_at(words, at)
            last, at = (day, day.end) if day else (last, at + 1)
        return last

    @override
    def say(self, value: str) -> str:
        parts = [
            f"the {ordinal_words(int(part))}"
            if part.isdecimal()
            else part.capitalize()
            if part in _CAPITAL
            else part
            for part in value.split()
        ]
        if len(parts) > 1 and value.rsplit(maxsplit=1)[-1] in MONTHS:
            parts.insert(-1, "of")
        return " ".join(parts)

    @override
    def is_open(self, words: Tokens) -> bool:
        return bool(words) and words[-1] in _UNFINISHED

    @override
    def examples(self) -> Sequence[str]:
        weekdays = [*WEEKDAYS[:6], *(f"next {day}" for day in WEEKDAYS[:6])]
        dates = [
            f"the {ordinal_words(1 + (7 * month + 3 * index) % _LONGEST_MONTH)} of {name}"
            for index in range(4)
            for month, name in enumerate(MONTHS)
        ]
        full = [f"{WEEKDAYS[index % 6]} {date}" for index, date in enumerate(dates[::2])]
        return [*weekdays * 6, "this friday", "tomorrow", "today", *dates, *full]


def _day_at(words: Tokens, start: int) -> Found | None:
    """The longest day that starts exactly here."""
    end = take(words, start, _RELATIVE)
    if end > start:
        return Found(" ".join(words[start:end]), start, end)
    parts: list[str] = []
    at = start
    if at < len(words) and words[at] in ("next", "this"):
        parts.append(words[at])
        at += 1
    if at < len(words) and words[at] in WEEKDAYS:
        parts.append(words[at])
        at += 1
    elif parts:
        return None
    date, at = _date_at(words, at)
    parts += date
    return Found(" ".join(parts), start, at) if parts else None


def _date_at(words: Tokens, start: int) -> tuple[list[str], int]:
    """Day of the month and month from `the tenth of march`, `march tenth`, `the tenth`."""
    after_the = take(words, start, ("the",))
    number, at = _ordinal_at(words, after_the)
    if number:
        after_of = take(words, at, ("of",))
        if after_of < len(words) and words[after_of] in MONTHS:
            return [str(number), words[after_of]], after_of + 1
        return ([str(number)], at) if after_the > start else ([], start)
    if start < len(words) and words[start] in MONTHS:
        number, at = _ordinal_at(words, take(words, start + 1, ("the",)))
        if number:
            return [str(number), words[start]], at
    return [], start


def _ordinal_at(words: Tokens, start: int) -> tuple[int, int]:
    if start >= len(words):
        return 0, start
    if words[start] in ORDINAL:
        return ORDINAL[words[start]], start + 1
    tens = {"twenty": 20, "thirty": 30}.get(words[start], 0)
    if tens and start + 1 < len(words):
        number = tens + ORDINAL.get(words[start + 1], _LONGEST_MONTH)
        if number <= _LONGEST_MONTH:
            return number, start + 2
    return 0, start
