"""A keyed work queue: level-triggered work without duplicates, after client-go's.

- A key that is added twice before it is taken is worked on once.
- A key that is added while it is worked on is worked on again afterwards, never twice at a time.
- A failed key comes back after a delay that doubles, with jitter, so that a thousand failures of
  one cause do not come back as one wave.
- A delayed key never postpones itself: the earliest time wins, and an immediate add beats it.
- An urgent key goes to the head of the queue.

Time is the running loop's, so tests run it on virtual time.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before a failed key is tried again."""

    first_seconds: float = 0.25
    """Short: most failures are a race that the next look resolves."""
    most_seconds: float = 60.0
    """Long enough to leave a struggling API server alone, short enough to heal unattended."""

    def delay(self, failures: int, jitter: float) -> float:
        """Return the delay after so many failures; `jitter` in 0..1 spreads it over its half."""
        exponent = min(max(failures - 1, 0), 16)
        full = min(self.first_seconds * 2.0**exponent, self.most_seconds)
        return full * (0.5 + 0.5 * jitter)


class WorkQueue(Generic[K]):
    """See the module."""

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        jitter: Callable[[], float] = random.random,
        on_wait: Callable[[float], object] = lambda _seconds: None,
        is_urgent: Callable[[K], bool] = lambda _key: False,
    ) -> None:
        self._backoff = backoff or Backoff()
        self._jitter = jitter
        self._on_wait = on_wait
        self._is_urgent = is_urgent
        self._ready: OrderedDict[K, float] = OrderedDict()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Whether nothing is ready or being worked on; delayed keys do not count."""
        return not self._ready and not self._working

    def oldest_seconds(self) -> float:
        """Return how long the key at the head of the queue has waited; 0 when none waits."""
        since = next(iter(self._ready.values()), None)
        return asyncio.get_running_loop().time() - since if since is not None else 0.0

    def add(self, key: K) -> None:
        """Ask for work on a key, now."""
        self._cancel_timer(key)
        if key in self._working:
            self._again.add(key)
            return
        self._ready.setdefault(key, asyncio.get_running_loop().time())
        if self._is_urgent(key):
            self._ready.move_to_end(key, last=False)
        self._wakeup.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Ask for work on a key after a delay; an earlier time that is set already stays."""
        due = asyncio.get_running_loop().time() + seconds
        timer = self._timers.get(key)
        if key in self._ready or (timer is not None and timer.when() <= due):
            return
        self._cancel_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_at(due, self.add, key)

    async def get(self) -> K:
        """Wait for a key and take it; `done` must follow."""
        while not self._ready:
            self._wakeup.clear()
            await self._wakeup.wait()
        key, since = self._ready.popitem(last=False)
        self._on_wait(asyncio.get_running_loop().time() - since)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """End the work on a key that was taken."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def retry(self, key: K) -> float:
        """Ask for work on a failed key after its backoff; return the delay in seconds."""
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        delay = self._backoff.delay(failures, self._jitter())
        self.add_after(key, delay)
        return delay

    def succeed(self, key: K, resync_seconds: float = 0.0) -> None:
        """Forget the failures of a key; look at it again after the resync time, +-20 %."""
        self._failures.pop(key, None)
        self._cancel_timer(key)
        if resync_seconds:
            self.add_after(key, resync_seconds * (0.8 + 0.4 * self._jitter()))

    def forget(self, key: K) -> None:
        """Drop everything about a key whose object is gone."""
        self._failures.pop(key, None)
        self._cancel_timer(key)

    def close(self) -> None:
        """Cancel all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _cancel_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
