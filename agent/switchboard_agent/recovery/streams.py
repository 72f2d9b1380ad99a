"""Calls that come as streams and not in rooms, as a rescuer sees them.

Nobody can join such a call: its caller is reached only when the other side opens a stream anew,
which it does by itself once the old one has broken.
"""

from typing import Protocol

from switchboard_agent.transport.base import CallTransport
from switchboard_contract.recovery import CallSnapshot


class StreamTransport(CallTransport, Protocol):
    """One call on a stream."""

    def abandon(self) -> None:
        """Let go of the call without ending it for the caller."""


class LostStreams(Protocol):
    """Where the streams of lost calls come to."""

    async def take_up(self, snapshot: CallSnapshot, seconds: int) -> StreamTransport | None:
        """Wait, not for long, for the stream of a call that lasts at most so long.

        None if none came; the caller is gone then, or put out.
        """

    async def end(self, snapshot: CallSnapshot) -> None:
        """Put the caller out."""
