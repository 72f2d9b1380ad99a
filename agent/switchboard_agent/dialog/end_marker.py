"""How a language model ends its part of a call: a mark at the end of its text, never spoken.

A model writes words; besides, it may hang up, hand the caller over to a human or press telephone
keys, which stand in the mark. A mark arrives in pieces cut anywhere, so text that could be the
begin of one is held back until it is known not to be.
"""

import re
from dataclasses import dataclass
from typing import Final

from switchboard_contract.dialog import KEYS_PATTERN, MOST_KEYS

HANG_UP: Final = "[hang_up]"
TRANSFER: Final = "[transfer]"
"""Marks are unlikely in speech, and one or few tokens for every model."""
KEYS: Final = "[keys_"
"""Begin of a mark that ends behind the keys."""

_FOLD: Final = {ord(c): c.lower() for c in "HANGUPTRSFEKY"} | {ord(c): "_" for c in "- :"}
"""Models are careless about case and the line below: `[HANG UP]` means the same."""
_BETWEEN_KEYS: Final = str.maketrans("W", "w", " _-:.")
_LONGEST: Final = len(KEYS) + 3 * MOST_KEYS
"""A mark with keys that is longer never ends."""


def keys_mark(keys: str) -> str:
    """How a model writes that these keys are to be pressed."""
    return f"[keys {keys}]"


@dataclass(slots=True)
class EndMarker:
    """One answer."""

    marks: tuple[str, ...] = (HANG_UP,)
    """Those that are looked for."""
    seen: str = ""
    """The mark that has come: what follows it is no speech."""
    keys: str = ""
    """Those in the mark; none if what stands there cannot be pressed."""
    _held: str = ""

    def feed(self, text: str) -> str:
        """Text that is to be spoken."""
        if self.seen:
            return ""
        text = self._held + text
        folded = text.translate(_FOLD)
        found = [(at, mark) for mark in self.marks if (at := folded.find(mark)) >= 0]
        if found:
            at, mark = min(found)
            self._take(mark, text[at:])
            return text[:at]
        keep = len(text) - max(_begun(folded, mark) for mark in self.marks)
        self._held = text[keep:]
        return text[:keep]

    def flush(self) -> str:
        """What was held back and is no mark; half a mark is dropped, it cannot be spoken."""
        held, self._held = self._held, ""
        return held if held == HANG_UP[0] else ""

    def _take(self, mark: str, text: str) -> None:
        inside, closed, _ = text[len(mark) :].partition("]")
        if mark == KEYS and not closed and len(text) < _LONGEST:
            self._held = text
            return
        self.seen, self._held = mark, ""
        if mark == KEYS and closed:
            keys = inside.upper().translate(_BETWEEN_KEYS)
            pressable = re.fullmatch(KEYS_PATTERN, keys) and len(keys) <= MOST_KEYS
            self.keys = keys if pressable else ""


def _begun(folded: str, mark: str) -> int:
    """Letters at the end that may be the begin of the mark."""
    for length in range(min(len(mark) - 1, len(folded)), 0, -1):
        if folded.endswith(mark[:length]):
            return length
    return 0
