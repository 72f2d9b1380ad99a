"""How late the recogniser is these days: a slow one is waited for, a dead one is not.

Nothing tells a recogniser that hangs from one that is late on a crowded machine but how long it
took for others. While words come quickly, a second without any means that none will come, and the
caller is asked again. Where they have come late, they are waited for: to ask again for what was
said clearly is worse than a pause.
"""

from typing import Final

QUICK_MS: Final = 1000.0
"""Least patience: with the detector's silence and a reply, a caller waits 1.5 s."""
_LONGEST_MS: Final = 2500.0
_MARGIN: Final = 2.0
_FORGETS: Final = 0.95
"""Per utterance: the mark of a slow one is halved after fourteen quick ones."""


class Pace:
    """Shared by all calls of a worker."""

    __slots__ = ("_slow_ms",)

    def __init__(self) -> None:
        self._slow_ms = 0.0

    def took(self, ms: float) -> None:
        """The words of an utterance came after this time."""
        self._slow_ms = max(ms, _FORGETS * self._slow_ms)

    @property
    def patience_ms(self) -> float:
        """Wait for the words of what was surely speech."""
        return min(max(QUICK_MS, _MARGIN * self._slow_ms), _LONGEST_MS)
