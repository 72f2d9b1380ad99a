"""The client transaction of requests other than INVITE: figure 6 of RFC 3261.

Switchboard's edge hangs up with it. A request is repeated at T1, 2*T1 ... T2 (timer E) until
something answers, and given up after 64*T1 (timer F).
"""

from enum import Enum

from switchboard_media.sip.message import Request, Response
from switchboard_media.sip.transaction import Address, Failure, Timers


class ClientState(Enum):
    """Where a client transaction stands."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    """Of an INVITE: 2xx received; more copies may come, each to be acknowledged."""
    COMPLETED = "completed"
    TERMINATED = "terminated"


class OtherClient:
    """A BYE or OPTIONS of ours."""

    def __init__(self, request: Request, to: Address, timers: Timers, now_s: float) -> None:
        self.to = to
        self.state = ClientState.TRYING
        self.data = bytes(request)
        self._timers = timers
        self._interval_s = timers.t1_s
        self._resend_s: float | None = now_s + timers.t1_s
        self._end_s = now_s + timers.give_up_s

    @property
    def deadline_s(self) -> float:
        """When `on_timer` is due."""
        return self._end_s if self._resend_s is None else min(self._resend_s, self._end_s)

    def on_response(self, response: Response, now_s: float) -> bool:
        """Take a response; whether it is news."""
        if self.state in {ClientState.COMPLETED, ClientState.TERMINATED}:
            return False
        if not response.final:
            first = self.state is ClientState.TRYING
            self.state = ClientState.PROCEEDING
            self._interval_s = self._timers.t2_s
            return first
        self.state = ClientState.COMPLETED
        self._resend_s = None
        self._end_s = now_s + self._timers.t4_s  # timer K
        return True

    def on_timer(self, now_s: float) -> tuple[bytes | None, Failure | None]:
        """A deadline has passed: what to send again, and whether that was the end."""
        if now_s >= self._end_s:
            unheard = self.state is not ClientState.COMPLETED
            self.state = ClientState.TERMINATED
            return None, Failure.NO_RESPONSE if unheard else None
        if self._resend_s is None or now_s < self._resend_s:
            return None, None
        if self.state is ClientState.TRYING:
            self._interval_s = min(2 * self._interval_s, self._timers.t2_s)
        self._resend_s = now_s + self._interval_s
        return self.data, None
