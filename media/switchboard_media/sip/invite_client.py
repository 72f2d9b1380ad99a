"""The client transaction of INVITE: figure 5 of RFC 3261 with the Accepted state of RFC 6026.

An INVITE is repeated at T1, 2*T1 ... (timer A) until something answers, and given up after 64*T1
(timer B); from then on it rings for as long as its user likes. A failure is acknowledged here, a
2xx by the user, each copy anew: its ACK is a request of the dialog. After a CANCEL a peer has
64*T1 to say 487 (RFC 3261 9.1).
"""

from switchboard_media.sip.client_transaction import ClientState
from switchboard_media.sip.message import Headers, Request, Response
from switchboard_media.sip.transaction import Address, Failure, Timers

_ACK_KEEPS = frozenset({"via", "from", "call-id", "max-forwards", "route"})


class InviteClient:
    """An INVITE of ours."""

    def __init__(self, request: Request, to: Address, timers: Timers, now_s: float) -> None:
        self.to = to
        self.state = ClientState.TRYING
        self.data = bytes(request)
        self._request = request
        self._timers = timers
        self._interval_s = timers.t1_s
        self._resend_s: float | None = now_s + timers.t1_s
        self._end_s: float | None = now_s + timers.give_up_s
        self._cancelled = False

    @property
    def deadline_s(self) -> float | None:
        """When `on_timer` is due: never while the phone rings."""
        return min((at for at in (self._resend_s, self._end_s) if at is not None), default=None)

    @property
    def pending(self) -> bool:
        """Whether there is no final response yet."""
        return self.state in {ClientState.TRYING, ClientState.PROCEEDING}

    def cancelled(self, now_s: float) -> None:
        """A CANCEL goes out: do not wait for ever."""
        self._cancelled = True
        if self.pending:
            self._end_s = now_s + self._timers.give_up_s

    def on_response(self, response: Response, now_s: float) -> bool:
        """Take a response; whether it is news: each provisional one, each copy of a 2xx."""
        if not response.final:
            return self._on_provisional()
        if response.success:
            return self._on_success(now_s)
        if self.pending:
            self._finish(ClientState.COMPLETED, now_s)  # timer D
            return True
        return False

    def _on_provisional(self) -> bool:
        if not self.pending:
            return False
        self.state = ClientState.PROCEEDING
        self._resend_s = None
        if not self._cancelled:
            self._end_s = None
        return True

    def _on_success(self, now_s: float) -> bool:
        if self.pending:
            self._finish(ClientState.ACCEPTED, now_s)  # timer M
        return self.state is ClientState.ACCEPTED

    def _finish(self, state: ClientState, now_s: float) -> None:
        self.state = state
        self._resend_s = None
        self._end_s = now_s + self._timers.give_up_s

    def acknowledgement(self, response: Response) -> bytes | None:
        """The ACK to a failure, each copy of it; None for all else (RFC 3261 17.1.1.3)."""
        if self.state is not ClientState.COMPLETED or not response.final or response.success:
            return None
        kept = [item for item in self._request.headers.items if item[0].lower() in _ACK_KEEPS]
        kept.append(("To", response.headers.get("To") or ""))
        kept.append(("CSeq", f"{self._request.cseq.number} ACK"))
        return bytes(Request("ACK", self._request.uri, Headers(tuple(kept))))

    def on_timer(self, now_s: float) -> tuple[bytes | None, Failure | None]:
        """A deadline has passed: what to send again, and whether that was the end."""
        if self._end_s is not None and now_s >= self._end_s:
            unheard = self.pending
            self.state = ClientState.TERMINATED
            return None, Failure.NO_RESPONSE if unheard else None
        if self._resend_s is None or now_s < self._resend_s:
            return None, None
        self._interval_s = 2 * self._interval_s
        self._resend_s = now_s + self._interval_s
        return self.data, None
