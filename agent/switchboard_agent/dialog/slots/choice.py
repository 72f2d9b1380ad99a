"""One of a list of values."""

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from switchboard_agent.dialog.slots.base import Found, SlotGrammar, Tokens


@dataclass(frozen=True, slots=True)
class ChoiceGrammar(SlotGrammar):
    """The value is the choice as the script spells it."""

    choices: tuple[str, ...]

    @property
    @override
    def label(self) -> str:
        return "choice"

    @property
    @override
    def answers(self) -> Sequence[str]:
        return ("{}", "{} please")

    @override
    def find(self, words: Tokens, *, asked: bool) -> Found | None:
        for choice in sorted(self.choices, key=len, reverse=True):
            parts = choice.split()
            for start in range(len(words) - len(parts) + 1):
                if list(words[start : start + len(parts)]) == parts:
                    return Found(choice, start, start + len(parts))
        return None

    @override
    def from_keys(self, keys: str) -> str | None:
        digits = keys.strip("#*")
        if not digits.isdecimal() or not 1 <= int(digits) <= len(self.choices):
            return None
        return self.choices[int(digits) - 1]

    @override
    def say(self, value: str) -> str:
        return value

    @override
    def examples(self) -> Sequence[str]:
        return self.choices

    @property
    @override
    def key_hint(self) -> str | None:
        listed = [f"{index} for {choice}" for index, choice in enumerate(self.choices[:9], 1)]
        return f"Press {', '.join(listed)}."
