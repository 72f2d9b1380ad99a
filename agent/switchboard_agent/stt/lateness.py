"""How late a recogniser's final words come: it may have more callers than it can follow."""

from collections import deque
from statistics import median
from typing import Final

_WINDOW_SECONDS: Final = 10.0
_FEWEST: Final = 3
"""Waits that make a sign; one or two are a hiccup."""


class Lateness:
    """Waits of the last ten seconds, those that still last too."""

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}
        self._waits: deque[tuple[float, float]] = deque(maxlen=100)
        """When they ended, and how long they were."""

    def asked(self, number: int, now_seconds: float) -> None:
        """An utterance is over, and its words are waited for."""
        self._asked[number] = now_seconds

    def over(self, number: int, now_seconds: float) -> None:
        """They came, or nobody waits for them any more."""
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._waits.append((now_seconds, now_seconds - asked))

    def seconds(self, now_seconds: float) -> float:
        """The median wait; 0 while there are too few to tell."""
        since = now_seconds - _WINDOW_SECONDS
        waits = [wait for ended, wait in self._waits if ended > since]
        usual = median(waits) if waits else 0.0
        waits += [so_far for at in self._asked.values() if (so_far := now_seconds - at) > usual]
        return median(waits) if len(waits) >= _FEWEST else 0.0
