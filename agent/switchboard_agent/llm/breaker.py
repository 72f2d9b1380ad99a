"""Whether a provider is asked at all: what one call learns of an outage, the others need not.

After some failures in a row the breaker opens and nobody waits for the provider any more. When it
has rested, one question is let through; its answer closes the breaker, its failure lets it rest
longer. Pure: the time is passed in.
"""

from dataclasses import dataclass
from typing import Final

FAILURES_TO_OPEN: Final = 3
"""One failure may be bad luck; with three in a row callers have waited enough."""
FIRST_REST_SECONDS: Final = 5.0
LONGEST_REST_SECONDS: Final = 30.0
"""Doubles from the first to the longest: half a minute after its repair every provider is asked."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to ask once; told back as succeeded, failed or abandoned."""

    probe: bool
    """The one question let through while the breaker is open."""


@dataclass(slots=True)
class Breaker:
    """Health of one provider."""

    _failures: int = 0
    _rest_seconds: float = FIRST_REST_SECONDS
    _rested_at: float = 0.0
    _probing: bool = False

    @property
    def open(self) -> bool:
        """Whether the provider is taken to be out of order."""
        return self._failures >= FAILURES_TO_OPEN

    def ready(self, now: float) -> bool:
        """Whether `enter` would give a permit."""
        return not self.open or (not self._probing and now >= self._rested_at)

    def enter(self, now: float) -> Permit | None:
        """Ask for permission to put a question; None is no."""
        if not self.ready(now):
            return None
        self._probing = self.open
        return Permit(self.open)

    def succeeded(self) -> None:
        """An answer came: whoever asked, the provider works."""
        self._failures = 0
        self._rest_seconds = FIRST_REST_SECONDS
        self._probing = False

    def failed(self, permit: Permit, now: float) -> None:
        """No answer came."""
        was_open = self.open
        self._failures += 1
        if permit.probe:
            self._probing = False
            self._rest_seconds = min(2 * self._rest_seconds, LONGEST_REST_SECONDS)
        if permit.probe or (self.open and not was_open):
            self._rested_at = now + self._rest_seconds

    def abandoned(self, permit: Permit) -> None:
        """The question was taken back: nothing was learned."""
        if permit.probe:
            self._probing = False
