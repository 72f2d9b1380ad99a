"""When which agent is tried out: the earliest due first, few at once, never two of one agent.

Pure: times come in, nothing waits here. Fair because who is due longest is next, whatever made it
due, and because an agent that was just tried out is due again only after its interval.
"""

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Schedule(Generic[K]):
    """Keys by the time at which they are due."""

    def __init__(self, *, at_once: int, apart_seconds: float, rest_seconds: float) -> None:
        """`apart_seconds` lie between two starts, `rest_seconds` between two of one key."""
        self._at_once = at_once
        self._apart = apart_seconds
        self._rest = rest_seconds
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._running: dict[K, float | None] = {}
        """With the time at which the key is due again, if somebody asked meanwhile."""
        self._ended: dict[K, float] = {}
        self._numbers = count()
        self._free_at = float("-inf")

    def __contains__(self, key: K) -> bool:
        return key in self._due or key in self._running

    @property
    def running(self) -> int:
        """Keys that were taken and are not finished."""
        return len(self._running)

    def put(self, key: K, due: float) -> None:
        """Make a key due at a time instead of any other; while it runs, after its rest."""
        if key in self._running:
            self._running[key] = due
            return
        due = max(due, self._ended.get(key, float("-inf")) + self._rest)
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._numbers), key))

    def hurry(self, key: K, due: float) -> None:
        """Make a key due at a time, unless it is due earlier."""
        planned = self._running.get(key) if key in self._running else self._due.get(key)
        if planned is None or planned > due:
            self.put(key, due)

    def drop(self, key: K) -> None:
        """Forget a key; one that runs is finished by its runner."""
        self._due.pop(key, None)
        if key in self._running:
            self._running[key] = None

    def take(self, now: float) -> K | None:
        """Return the key that is due longest and mark it as running; None if it is not time."""
        if self.wait(now) != 0:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._running[key] = None
        self._free_at = now + self._apart
        return key

    def finish(self, key: K, now: float) -> None:
        """End the run of a key; it is due again if somebody asked meanwhile."""
        again = self._running.pop(key)
        rested = {k: ended for k, ended in self._ended.items() if now - ended < self._rest}
        self._ended = rested | {key: now}
        if again is not None:
            self.put(key, again)

    def wait(self, now: float) -> float | None:
        """Return the seconds until `take` gives a key; None if something must happen first."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap or len(self._running) >= self._at_once:
            return None
        return max(0.0, self._heap[0][0] - now, self._free_at - now)
