"""How a language model ends a call: a mark at the end of its text, which is never spoken.

A model writes words; the one thing it may do besides is to hang up. It arrives in pieces cut
anywhere, so text that could be the begin of the mark is held back until it is known not to be.
"""

from dataclasses import dataclass
from typing import Final

MARKER: Final = "[hang_up]"
"""Unlikely in speech, one or few tokens for every model."""

_FOLD: Final = {ord(c): c.lower() for c in "HANGUP"} | {ord("-"): "_", ord(" "): "_"}
"""Models are careless about case and the line below: `[HANG UP]` means the same."""


@dataclass(slots=True)
class HangUpMarker:
    """One answer."""

    seen: bool = False
    """Whether the mark has come: the call ends, and what follows is no speech."""
    _held: str = ""

    def feed(self, text: str) -> str:
        """Text that is to be spoken."""
        if self.seen:
            return ""
        text = self._held + text
        folded = text.translate(_FOLD)
        at = folded.find(MARKER)
        if at >= 0:
            self.seen = True
            self._held = ""
            return text[:at]
        keep = len(text) - _begun(folded)
        self._held = text[keep:]
        return text[:keep]

    def flush(self) -> str:
        """What was held back and is no mark; half a mark is dropped, it cannot be spoken."""
        held, self._held = self._held, ""
        return held if held == MARKER[0] else ""


def _begun(folded: str) -> int:
    """Letters at the end that may be the begin of the mark."""
    for length in range(min(len(MARKER) - 1, len(folded)), 0, -1):
        if folded.endswith(MARKER[:length]):
            return length
    return 0
