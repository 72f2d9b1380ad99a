"""How a call comes to its end: the last words said, the longest call, a transport that closes."""

from switchboard_agent.transport.base import CloseReason
from switchboard_agent.turn.policy import TurnPolicy
from switchboard_contract.call_events import Outcome

NEVER = float("inf")

_CLOSED_OUTCOME = {
    CloseReason.CALLER_LEFT: Outcome.CALLER_HUNG_UP,
    CloseReason.ROOM_CLOSED: Outcome.CALLER_HUNG_UP,
    CloseReason.LOST: Outcome.TRANSPORT_FAILED,
    CloseReason.REMOVED: Outcome.REMOVED,
}


class CallEnd:
    """One call, from its answer to its end."""

    __slots__ = ("_hang_up_ms", "_outcome", "_policy", "answered_ms", "handing_over", "over")

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._hang_up_ms = NEVER
        self._outcome = Outcome.COMPLETED
        self.answered_ms: float | None = None
        self.handing_over = False
        """Whether the caller is being put through to a human."""
        self.over = False
        """Whether the call has been ended; nothing is asked for any more."""

    @property
    def leaving(self) -> bool:
        """Whether the last words have been said and only the end, or the handing over, is left."""
        return self.handing_over or self._hang_up_ms < NEVER

    @property
    def due_ms(self) -> float:
        """When the call ends if nothing else happens."""
        longest = NEVER if self.answered_ms is None else self.answered_ms + self._policy.max_call_ms
        return min(longest, self._hang_up_ms)

    def due(self, now_ms: float) -> Outcome | None:
        """The outcome of a call that ends now; None if it goes on."""
        if now_ms < self.due_ms:
            return None
        return self._outcome if now_ms >= self._hang_up_ms else Outcome.MAX_DURATION

    def leave(self, now_ms: float, outcome: Outcome) -> None:
        """The last words have been heard."""
        self._hang_up_ms = now_ms + self._policy.linger_ms
        self._outcome = outcome

    def closed(self, reason: CloseReason) -> Outcome:
        """The transport ended by itself; who leaves after the goodbye has completed the call."""
        outcome = _CLOSED_OUTCOME[reason]
        if self._hang_up_ms < NEVER and outcome is Outcome.CALLER_HUNG_UP:
            return self._outcome
        return outcome
