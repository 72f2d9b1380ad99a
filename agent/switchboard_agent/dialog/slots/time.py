"""Times of day: "half past two", "two thirty", "three o'clock", "monday morning at nine".

Values are "HH:MM". Without "morning" or "afternoon", one to six are afternoon and seven to eleven
morning: the hours in which people make appointments. A part of the day alone ("friday afternoon")
is an imprecise value that is remembered, checked against, and asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from switchboard_agent.dialog.slots.base import Found, SlotGrammar, Tokens, take
from switchboard_agent.dialog.slots.numbers import ROUND, SMALL, number_words

PARTS: Final = {"morning": range(12), "afternoon": range(12, 18), "evening": range(17, 24)}
"""Hours that each part of the day holds."""

_BEFORE: Final = ("at", "around", "about", "for")
_HALF_DAY: Final = 12
_FIRST_OFFICE_HOUR: Final = 7
"""The earliest hour that is taken for the morning when the caller does not say."""
_AFTERNOON_ENDS: Final = 17
_FIRST_HOUR: Final = 6
"""No appointment is earlier: "four" after "monday morning" changes the part of the day."""
_MINUTES: Final = 60
_HOURS: Final = 24
_QUARTER: Final = 15
_HALF: Final = 30
_TEN: Final = 10
_NINE: Final = 9


@dataclass(frozen=True, slots=True)
class _Clock:
    """A reading of clock words; `bold` without any word that marks it as a time."""

    hour: int
    minute: int
    end: int
    bold: bool = False


@dataclass(frozen=True, slots=True)
class TimeGrammar(SlotGrammar):
    """A time of day."""

    @property
    @override
    def label(self) -> str:
        return "time"

    @property
    @override
    def answers(self) -> Sequence[str]:
        return ("{}", "{}", "{} please", "make it {}")

    @override
    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        part, part_at = _part_of_day(words)
        for start in range(len(words)):
            clock = _clock_at(words, start)
            if clock is None:
                continue
            end, half = _half_of_day(words, clock.end)
            marked = not clock.bold or end > clock.end or _marked_before(words, start)
            if not marked and not asked and not part:
                continue
            hour = _on_24(clock.hour, half or part)
            begin = start - 1 if start and words[start - 1] in _BEFORE else start
            if part and part_at <= begin <= part_at + 1:
                begin = part_at
            return Found(f"{hour:02d}:{clock.minute:02d}", begin, end)
        return Found(part, part_at, part_at + 1, precise=False) if part else None

    @override
    def from_keys(self, keys: str) -> str | None:
        digits = keys.strip("#*")
        if not digits.isdecimal() or len(digits) not in (1, 2, 3, 4):
            return None
        hour, minute = (int(digits), 0) if len(digits) < 3 else divmod(int(digits), 100)  # noqa: PLR2004  H or HH against HMM or HHMM
        if hour >= _HOURS or minute >= _MINUTES:
            return None
        return f"{_on_24(hour, '') if len(digits) < 4 else hour:02d}:{minute:02d}"  # noqa: PLR2004  HHMM is exact

    @override
    def say(self, value: str) -> str:
        if ":" not in value:
            return f"the {value}"
        hour, minute = (int(part) for part in value.split(":"))
        if minute == 0 and hour in (0, _HALF_DAY):
            return "noon" if hour else "midnight"
        words = number_words((hour - 1) % _HALF_DAY + 1)
        if minute:
            words += f" {'oh ' if minute < _TEN else ''}{number_words(minute)}"
        return f"{words} in the {_part_of_hour(hour)}"

    @override
    def is_open(self, words: Tokens) -> bool:
        return list(words[-1:]) in (["past"], ["half"], ["quarter"], ["oh"], ["to"])

    @override
    def examples(self) -> Sequence[str]:
        hours = [number_words(hour) for hour in (*range(7, 13), *range(1, 7))]
        plain = [
            form
            for hour in hours
            for form in (hour, f"{hour} o'clock", f"{hour} thirty", f"half past {hour}")
        ]
        rare = [
            form
            for hour in hours
            for form in (f"{hour} fifteen", f"{hour} forty five", f"quarter past {hour}")
        ]
        rare += [f"{hour} in the {part}" for hour in hours[::2] for part in PARTS]
        bare = [*plain * 3, *rare, "noon"]
        parts = [f"{part} at {clock}" for part in PARTS for clock in plain]
        return [*bare, *(f"at {clock}" for clock in bare), *parts, *[*PARTS] * len(hours)]

    @property
    @override
    def key_hint(self) -> str | None:
        return "You can also key in the time, for example 1 4 3 0 for half past two."

    @override
    def combine(self, hint: str, found: Found) -> Found:
        if not found.precise or self.agrees(found.value, hint):
            return found
        hour, _, minute = found.value.partition(":")
        other = (int(hour) + _HALF_DAY) % _HOURS
        if other < _FIRST_HOUR or other not in PARTS[hint]:
            return found
        return replace(found, value=f"{other:02d}:{minute}")

    @override
    def agrees(self, value: str, hint: str) -> bool:
        return hint not in PARTS or int(value.partition(":")[0]) in PARTS[hint]


def _on_24(hour: int, part: str) -> int:
    if hour > _HALF_DAY:
        return hour
    if part == "morning":
        return hour % _HALF_DAY
    if part:
        return hour % _HALF_DAY + _HALF_DAY
    return hour if hour >= _FIRST_OFFICE_HOUR or hour == 0 else hour + _HALF_DAY


def _part_of_hour(hour: int) -> str:
    if hour < _HALF_DAY:
        return "morning"
    return "afternoon" if hour < _AFTERNOON_ENDS else "evening"


def _part_of_day(words: Tokens) -> tuple[str, int]:
    """A part of the day and its place; "good morning" is a greeting, not a time."""
    for at, word in enumerate(words):
        if word in PARTS and not (at and words[at - 1] == "good"):
            return word, at
    return "", 0


def _half_of_day(words: Tokens, start: int) -> tuple[int, str]:
    """`a m`, `in the afternoon` and the like behind the clock words."""
    for part, forms in (
        ("morning", ("a m", "am", "in the morning")),
        ("afternoon", ("p m", "pm", "in the afternoon")),
        ("evening", ("in the evening", "at night")),
    ):
        end = take(words, start, forms)
        if end > start:
            return end, part
    return start, ""


def _marked_before(words: Tokens, start: int) -> bool:
    return start > 0 and words[start - 1] in _BEFORE


def _clock_at(words: Tokens, start: int) -> _Clock | None:
    end = take(words, start, ("noon", "midday"))
    if end > start:
        return _Clock(_HALF_DAY, 0, end)
    return _past_or_to(words, start) or _hour_and_minutes(words, start)


def _past_or_to(words: Tokens, start: int) -> _Clock | None:
    """`half past two`, `a quarter to three`, `twenty past nine`."""
    at = take(words, start, ("a",))
    if at >= len(words):
        return None
    if words[at] in ("half", "quarter"):
        minute, at = (_HALF if words[at] == "half" else _QUARTER), at + 1
    else:
        minute, at = _minutes_at(words, at)
    if not minute or at + 1 >= len(words) or words[at] not in ("past", "to"):
        return None
    hour = _hour(words[at + 1])
    if hour is None:
        return None
    if words[at] == "past":
        return _Clock(hour, minute, at + 2)
    return _Clock((hour - 2) % _HALF_DAY + 1, _MINUTES - minute, at + 2)


def _hour_and_minutes(words: Tokens, start: int) -> _Clock | None:
    """`three o'clock`, `two thirty`, `nine oh five`, `three`."""
    hour = _hour(words[start])
    if hour is None:
        return None
    at = start + 1
    after = take(words, at, ("o'clock", "o clock", "oclock"))
    if after > at:
        return _Clock(hour, 0, after)
    oh = take(words, at, ("oh", "o"))
    minute, after = _minutes_at(words, oh)
    small = minute < _TEN
    if minute and small == (oh > at):
        return _Clock(hour, minute, after, bold=small)
    lonely = at >= len(words) or words[at] not in SMALL
    lonely = lonely and not (start and words[start - 1] in SMALL)
    return _Clock(hour, 0, at, bold=True) if lonely else None


def _hour(word: str) -> int | None:
    value = SMALL.get(word, 0)
    return value if 1 <= value <= _HALF_DAY else None


def _minutes_at(words: Tokens, start: int) -> tuple[int, int]:
    """1 to 59 and the position after it; 0 if there is none."""
    if start >= len(words):
        return 0, start
    word = words[start]
    if word in SMALL:
        return SMALL[word], start + 1
    if word not in ROUND:
        return 0, start
    ones = SMALL.get(words[start + 1], 0) if start + 1 < len(words) else 0
    if 1 <= ones <= _NINE:
        return ROUND[word] + ones, start + 2
    return ROUND[word], start + 1
