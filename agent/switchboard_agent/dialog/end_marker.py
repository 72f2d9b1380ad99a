"""How a language model ends its part of a call: a mark at the end of its text, never spoken.

A model writes words; besides, it may hang up or hand the caller over to a human. A mark arrives in
pieces cut anywhere, so text that could be the begin of one is held back until it is known not to
be.
"""

from dataclasses import dataclass
from typing import Final

HANG_UP: Final = "[hang_up]"
TRANSFER: Final = "[transfer]"
"""Marks are unlikely in speech, and one or few tokens for every model."""

_FOLD: Final = {ord(c): c.lower() for c in "HANGUPTRSFE"} | {ord("-"): "_", ord(" "): "_"}
"""Models are careless about case and the line below: `[HANG UP]` means the same."""


@dataclass(slots=True)
class EndMarker:
    """One answer."""

    marks: tuple[str, ...] = (HANG_UP,)
    """Those that are looked for."""
    seen: str = ""
    """The mark that has come: what follows it is no speech."""
    _held: str = ""

    def feed(self, text: str) -> str:
        """Text that is to be spoken."""
        if self.seen:
            return ""
        text = self._held + text
        folded = text.translate(_FOLD)
        found = [(at, mark) for mark in self.marks if (at := folded.find(mark)) >= 0]
        if found:
            at, self.seen = min(found)
            self._held = ""
            return text[:at]
        keep = len(text) - max(_begun(folded, mark) for mark in self.marks)
        self._held = text[keep:]
        return text[:keep]

    def flush(self) -> str:
        """What was held back and is no mark; half a mark is dropped, it cannot be spoken."""
        held, self._held = self._held, ""
        return held if held == HANG_UP[0] else ""


def _begun(folded: str, mark: str) -> int:
    """Letters at the end that may be the begin of the mark."""
    for length in range(min(len(mark) - 1, len(folded)), 0, -1):
        if folded.endswith(mark[:length]):
            return length
    return 0
