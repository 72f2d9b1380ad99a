"""The life of a call that is placed, as decisions: no socket, no room, no clock of its own.

The order is livekit-sip's: join the room, dial, and bridge once the phone is picked up. Whoever
asked for the call is told exactly once how that went: when the participant is in the room, or,
where they want to wait for it, when the phone was picked up. What the phone sees at each kind of
end:

    while it rings      CANCEL, held back until the first 1xx (RFC 3261 9.1); a phone that is
                        picked up all the same gets a BYE
    after the answer    BYE
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from switchboard_local.sip_edge.call_model import (
    Bye,
    End,
    Failed,
    HungUp,
    Joined,
    JoinFailed,
    Limits,
    Outcome,
    RoomClosed,
    Stopping,
    Tick,
)
from switchboard_local.sip_edge.outgoing_model import (
    Command,
    Event,
    Fail,
    Fault,
    Leave,
    PickedUp,
    Provisional,
    Refused,
    SendCancel,
    SendInvite,
    Show,
    Succeed,
    Talk,
    Unreachable,
    Unspeakable,
)
from switchboard_local.sip_edge.talk_time import TalkTime

CANCEL_S = 33.0
"""Longest wait for the end of an INVITE that is cancelled: 64*T1 and a little."""

_FIRST_RINGING = 180


class State(StrEnum):
    """Where a call stands."""

    JOINING = "joining"
    CALLING = "calling"
    CANCELLING = "cancelling"
    ACTIVE = "active"
    OVER = "over"


class OutgoingCall:
    """One call. `handle` is the only way to change it, but for `heard_media`."""

    def __init__(self, now_s: float, limits: Limits, *, wait: bool) -> None:
        self.state = State.JOINING
        self.placed_s = now_s
        self.ended_s: float | None = None
        self._limits = limits
        self._wait = wait
        """Whether success is the phone picked up, not the participant in the room."""
        self._since_s = now_s
        self._talk = TalkTime()
        self._told = False
        self._provisional = False
        self._ringing = False
        self._pending = End(Outcome.INTERNAL_ERROR, "")

    @property
    def answered_s(self) -> float | None:
        """When it was picked up."""
        return self._talk.answered_s

    def heard_media(self, now_s: float) -> None:
        """Note a packet of the phone."""
        self._talk.heard(now_s)

    @property
    def deadline_s(self) -> float | None:
        """When `Tick` is due at the latest; a packet may have moved it since."""
        match self.state:
            case State.JOINING | State.CALLING:
                return self._since_s + self._limits.ringing_s
            case State.CANCELLING:
                return self._since_s + CANCEL_S
            case State.ACTIVE:
                return self._talk.deadline_s(self._limits)
            case State.OVER:
                return None

    def handle(self, event: Event, now_s: float) -> list[Command]:
        """Take one fact, and say what is to be done, in order."""
        if self.state is State.OVER:
            return []
        return list(self._decide(event, now_s))

    def _decide(self, event: Event, now_s: float) -> Iterator[Command]:  # noqa: C901, PLR0912 - one arm per kind of event
        match event:
            case Joined():
                yield from self._joined(now_s)
            case JoinFailed(text):
                yield from self._end(Fault("internal", text), Outcome.JOIN_FAILED, now_s)
            case Provisional(status):
                yield from self._progressed(status)
            case PickedUp():
                yield from self._picked_up(now_s)
            case Unspeakable(text):
                yield from self._unspeakable(text, now_s)
            case Refused(fault):
                yield from self._given_up(fault, Outcome.REFUSED, now_s)
            case Unreachable():
                fault = Fault("canceled", "nothing answers the INVITE")
                yield from self._given_up(fault, Outcome.UNREACHABLE, now_s)
            case HungUp():
                if self.state is State.ACTIVE:
                    yield self._over(End(Outcome.CALLEE_HUNG_UP, "BYE"), now_s)
            case RoomClosed(text):
                yield from self._end(Fault("canceled", text), Outcome.ROOM_ENDED, now_s)
            case Stopping():
                fault = Fault("unavailable", "the SIP edge is stopping")
                yield from self._end(fault, Outcome.SHUTDOWN, now_s)
            case Failed(text):
                yield from self._end(Fault("internal", text), Outcome.INTERNAL_ERROR, now_s)
            case Tick():
                yield from self._tick(now_s)
            case _:
                assert_never(event)

    def _joined(self, now_s: float) -> Iterator[Command]:
        if self.state is State.JOINING:
            self._enter(State.CALLING, now_s)
            yield SendInvite()
            if not self._wait:
                yield from self._succeed()

    def _progressed(self, status: int) -> Iterator[Command]:
        first, self._provisional = not self._provisional, True
        if self.state is State.CANCELLING:
            if first:
                yield SendCancel()
        elif self.state is State.CALLING and status >= _FIRST_RINGING and not self._ringing:
            self._ringing = True
            yield Show("ringing")

    def _picked_up(self, now_s: float) -> Iterator[Command]:
        if self.state is State.CALLING:
            self._enter(State.ACTIVE, now_s)
            self._talk.answered_s = now_s
            yield Talk()
            yield Show("active")
            yield from self._succeed()
        elif self.state is State.CANCELLING:
            yield from self._hang_up(now_s)

    def _unspeakable(self, text: str, now_s: float) -> Iterator[Command]:
        if self.state is State.CALLING:
            self._pending = End(Outcome.NO_COMMON_CODEC, text)
            yield from self._fail(Fault("failed_precondition", text))
            yield from self._hang_up(now_s)
        elif self.state is State.CANCELLING:
            yield from self._hang_up(now_s)

    def _given_up(self, fault: Fault, outcome: Outcome, now_s: float) -> Iterator[Command]:
        """The INVITE has ended without an answer, or cannot be."""
        if self.state in (State.JOINING, State.CALLING):
            yield from self._fail(fault)
            yield self._over(End(outcome, fault.text), now_s)
        elif self.state is State.CANCELLING:
            yield self._over(self._pending, now_s)

    def _end(self, fault: Fault, outcome: Outcome, now_s: float) -> Iterator[Command]:
        """End from our side, in the way that the call's state asks for."""
        if self.state is State.CANCELLING:
            return
        self._pending = End(outcome, fault.text)
        yield from self._fail(fault)
        if self.state is State.JOINING:
            yield self._over(self._pending, now_s)
        elif self.state is State.ACTIVE:
            yield from self._hang_up(now_s)
        else:
            self._enter(State.CANCELLING, now_s)
            if self._provisional:
                yield SendCancel()
            yield Leave()

    def _tick(self, now_s: float) -> Iterator[Command]:
        if self.state is State.ACTIVE:
            end = self._talk.end(self._limits, now_s)
            if end is not None:
                yield from self._end(Fault("canceled", end.text), end.outcome, now_s)
        elif now_s < (self.deadline_s or now_s):
            return
        elif self.state is State.CANCELLING:
            yield self._over(self._pending, now_s)
        else:
            fault = Fault("canceled", f"nobody answered within {self._limits.ringing_s:g} s")
            yield from self._end(fault, Outcome.RINGING_TIMEOUT, now_s)

    def _hang_up(self, now_s: float) -> Iterator[Command]:
        yield Bye(self._pending.text)
        yield self._over(self._pending, now_s)

    def _succeed(self) -> Iterator[Command]:
        if not self._told:
            self._told = True
            yield Succeed()

    def _fail(self, fault: Fault) -> Iterator[Command]:
        if not self._told:
            self._told = True
            yield Fail(fault)

    def _enter(self, state: State, now_s: float) -> None:
        self.state = state
        self._since_s = now_s

    def _over(self, end: End, now_s: float) -> End:
        self.state = State.OVER
        self.ended_s = now_s
        return end
