"""Token buckets: how many Events one object, and all of them together, may bring about. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, field

_ROUNDING = 1e-6
"""Seconds of a wait that are only the noise of adding fractions."""
_OBJECTS = 10_000
"""Buckets remembered; one that was forgotten begins full."""


@dataclass(slots=True)
class Bucket:
    """A number of tokens that grows with time up to a burst."""

    burst: float
    per_second: float
    tokens: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        if self.wait(now) > _ROUNDING:
            return False
        self.tokens -= 1
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until a token is there; 0 if one is."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        return max(0.0, (1 - self.tokens) / self.per_second)


class Buckets:
    """One bucket for each object."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        """Take a token from an object's bucket if there is one."""
        bucket = self._buckets.setdefault(key, Bucket(self._burst, self._per_second, at=now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > _OBJECTS:
            self._buckets.popitem(last=False)
        return bucket.take(now)
