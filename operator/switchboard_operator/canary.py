"""Whether watches still bring news: the lease that is renewed every two seconds must come back.

A stream can die in silence: the connection stands, nothing arrives, and the operator looks well
while it sees nothing. Each renewal of the lease is a change that we know of beforehand, so its
absence from the watch is proof. kopf drops a silent stream after 70 s by itself; only when that
does not help either does the process ask to be started anew.
"""

from collections import deque
from collections.abc import Callable

DEAD_SECONDS = 120.0
"""A renewal that has not come back for so long; longer than kopf's own cure takes."""


class Canary:
    """Remembers which resourceVersions of the lease are still to come back."""

    def __init__(self, clock: Callable[[], float], dead_seconds: float = DEAD_SECONDS) -> None:
        self._clock = clock
        self._dead_seconds = dead_seconds
        self._sent: deque[tuple[int, float]] = deque()
        self._watching = False

    def watching(self) -> None:
        """Begin: the watch stands."""
        self._watching = True

    def sent(self, version: int) -> None:
        """Note a renewal."""
        if self._watching:
            self._sent.append((version, self._clock()))

    def seen(self, version: int) -> None:
        """Note what the watch brought: all up to here has come back."""
        while self._sent and self._sent[0][0] <= version:
            self._sent.popleft()

    def age(self) -> float:
        """Return for how many seconds the oldest renewal has been on its way."""
        return self._clock() - self._sent[0][1] if self._sent else 0.0

    def is_alive(self) -> bool:
        """Tell whether the watches can be believed."""
        return self.age() < self._dead_seconds
