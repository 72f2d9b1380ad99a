"""The provider streams that one call has open: recognisers, answers of models, syntheses.

Whoever opens a stream notes it here and closes it through here, which never takes long. What is
left when the call is over (its close hung, failed, or was cut short by the hang-up) is closed once
more and reported: a provider that keeps streams of calls that are gone runs full.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from switchboard_contract.call_events import ProviderPart

_CLOSE_SECONDS: Final = 0.5
"""To close is to say so, not to wait for an answer; callers hear silence meanwhile."""

S = TypeVar("S")


class OpenStreams:
    """Of one call."""

    def __init__(self, on_left: Callable[[ProviderPart], None] = lambda _: None) -> None:
        """`on_left` is told the part of each stream that was open at the end of the call."""
        self._on_left = on_left
        self._open: dict[int, tuple[ProviderPart, object]] = {}

    def opened(self, part: ProviderPart, stream: S) -> S:
        """The same stream, noted."""
        self._open[id(stream)] = part, stream
        return stream

    async def close(self, stream: object) -> None:
        """Close it; it counts as open if that fails. Raises the provider's errors and timeouts."""
        async with asyncio.timeout(_CLOSE_SECONDS):
            # Iterators need not have a close: they hold nothing.
            end = getattr(stream, "aclose", None)
            if end is not None:
                await end()
        self._open.pop(id(stream), None)

    async def close_left(self) -> None:
        """The call is over: close all that is open, all at once."""
        left = list(self._open.values())
        for part, _ in left:
            self._on_left(part)
        closing = (self.close(stream) for _, stream in left)
        await asyncio.gather(*closing, return_exceptions=True)
