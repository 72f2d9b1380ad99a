"""The seam between a call and what keeps it alive beyond its worker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from switchboard_contract.recovery import CallSnapshot


@dataclass(frozen=True, slots=True)
class Handover:
    """What a worker begins with that goes on with a call."""

    snapshot: CallSnapshot
    epoch: int
    waited_ms: int
    """How long the call had been without a worker when it was taken up."""
    taken_up_ms: float
    """When that was, on the monotonic clock of the event loop."""


@dataclass(frozen=True, slots=True)
class HeldCall:
    """A call that others could go on with."""

    call_id: str
    job_id: str
    epoch: int
    keep_seconds: float
    """How long its snapshot is of use to anybody."""
    describe: Callable[[], CallSnapshot]
    """The call as it is now."""


class CallKeeper(Protocol):
    """Keeps calls so that another worker could go on with them. No method raises."""

    def hold(self, call: HeldCall) -> None:
        """The call is served here from now on."""

    def changed(self, call_id: str) -> None:
        """There is something new to keep."""

    async def keep_now(self, call_id: str) -> None:
        """Return when it is kept; after a moment even if it is not: the caller waits."""

    def give_away(self, call_id: str) -> bool:
        """The way to the caller broke: let whoever reaches the room go on.

        False if nobody could: then the call is over.
        """

    def release(self, call_id: str) -> None:
        """The call is over here, however that came. Safe to call twice."""


class NoKeeper:
    """`CallKeeper` of an engine without Redis: a call dies with its worker."""

    def hold(self, call: HeldCall) -> None:
        """Nothing is kept."""

    def changed(self, call_id: str) -> None:
        """Nothing is kept."""

    async def keep_now(self, call_id: str) -> None:
        """Nothing is kept."""

    def give_away(self, call_id: str) -> bool:  # noqa: ARG002 the seam
        """There is nobody to give it to."""
        return False

    def release(self, call_id: str) -> None:
        """Nothing is kept."""
