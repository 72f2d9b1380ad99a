"""Server transactions: what is said again until the caller has heard it.

`InviteServer` is figure 7 of RFC 3261 with the Accepted state of RFC 6026. It also repeats the
2xx until its ACK (13.3.1.4), which the RFC leaves to the core above: the one rule for both kinds
of final response keeps the code above free of timers. `OtherServer` is figure 8.
"""

from enum import Enum
from typing import Protocol

from switchboard_media.sip.message import Response
from switchboard_media.sip.transaction import Address, Failure, Timers


class State(Enum):
    """Where a server transaction stands."""

    PROCEEDING = "proceeding"
    """No final response yet (Trying and Proceeding of the RFC)."""
    ACCEPTED = "accepted"
    """2xx sent, repeated until its ACK."""
    COMPLETED = "completed"
    """Final response sent; for INVITE a failure, repeated until its ACK."""
    CONFIRMED = "confirmed"
    """ACK received; late copies are swallowed."""
    TERMINATED = "terminated"


class ServerTransaction(Protocol):
    """One request of a peer."""

    reply_to: Address
    state: State

    @property
    def deadline_s(self) -> float | None:
        """When `on_timer` is due, if ever."""

    def respond(self, response: Response, now_s: float) -> bytes | None:
        """Send a response; None where a final one has been sent before: it is dropped."""

    def on_retransmission(self) -> bytes | None:
        """The request came again: what to send again, if anything."""

    def on_timer(self, now_s: float) -> tuple[bytes | None, Failure | None]:
        """A deadline has passed: what to send again, and whether that was the end."""


class InviteServer:
    """An INVITE of a peer."""

    def __init__(self, reply_to: Address, timers: Timers) -> None:
        self.reply_to = reply_to
        self.state = State.PROCEEDING
        self.local_tag = ""
        """The To tag of our responses, once there is one: a CANCEL's answer bears it too."""
        self._timers = timers
        self._last: bytes | None = None
        self._resend_s: float | None = None
        self._interval_s = timers.t1_s
        self._end_s: float | None = None

    @property
    def deadline_s(self) -> float | None:
        """When `on_timer` is due: never while the called party makes up its mind."""
        if self._resend_s is None or self._end_s is None:
            return self._end_s
        return min(self._resend_s, self._end_s)

    def respond(self, response: Response, now_s: float) -> bytes | None:
        """Send a response; None where a final one has been sent before: it is dropped."""
        if self.state is not State.PROCEEDING:
            return None
        self._last = bytes(response)
        self.local_tag = response.recipient.tag or ""
        if response.final:
            self.state = State.ACCEPTED if response.success else State.COMPLETED
            self._resend_s = now_s + self._interval_s  # timer G
            self._end_s = now_s + self._timers.give_up_s  # timers H and L
        return self._last

    def on_retransmission(self) -> bytes | None:
        """The INVITE came again: repeat the last response, but leave a 2xx to its timer."""
        return self._last if self.state in {State.PROCEEDING, State.COMPLETED} else None

    def on_ack(self, now_s: float) -> bool:
        """The caller has the final response; whether this is news."""
        if self.state not in {State.ACCEPTED, State.COMPLETED}:
            return False
        if self.state is State.COMPLETED:
            self._end_s = now_s + self._timers.t4_s  # timer I
        self.state = State.CONFIRMED
        self._resend_s = None
        return True

    def on_timer(self, now_s: float) -> tuple[bytes | None, Failure | None]:
        """A deadline has passed: what to send again, and whether that was the end."""
        if self._end_s is not None and now_s >= self._end_s:
            unheard = self.state in {State.ACCEPTED, State.COMPLETED}
            self.state = State.TERMINATED
            return None, Failure.NO_ACK if unheard else None
        if self._resend_s is None or now_s < self._resend_s:
            return None, None
        self._interval_s = min(2 * self._interval_s, self._timers.t2_s)
        self._resend_s = now_s + self._interval_s
        return self._last, None


class OtherServer:
    """A BYE, OPTIONS, CANCEL or any other request of a peer."""

    def __init__(self, reply_to: Address, timers: Timers) -> None:
        self.reply_to = reply_to
        self.state = State.PROCEEDING
        self._timers = timers
        self._last: bytes | None = None
        self._end_s: float | None = None

    @property
    def deadline_s(self) -> float | None:
        """When `on_timer` is due."""
        return self._end_s

    def respond(self, response: Response, now_s: float) -> bytes | None:
        """Send a response; None where a final one has been sent before: it is dropped."""
        if self.state is not State.PROCEEDING:
            return None
        self._last = bytes(response)
        if response.final:
            self.state = State.COMPLETED
            self._end_s = now_s + self._timers.give_up_s  # timer J
        return self._last

    def on_retransmission(self) -> bytes | None:
        """The request came again: repeat the last response."""
        return self._last

    def on_timer(self, now_s: float) -> tuple[bytes | None, Failure | None]:
        """Forget the request once no copy of it can come any more."""
        if self._end_s is not None and now_s >= self._end_s:
            self.state = State.TERMINATED
        return None, None
