"""The life of one call, as decisions: no socket, no room, no clock of its own.

Facts come in as events with the time they are known, and commands come out. The order is
livekit-sip's: ring, join the room, wait for the agent's sound, answer, bridge until one side ends.
What a peer sees at each kind of end stands here and nowhere else:

    before the answer   a final response to the INVITE
    after the answer    BYE, sent once the caller's ACK is in (RFC 3261, 15)
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from switchboard_local.sip_edge.call_model import (
    Accept,
    Acknowledged,
    Admitted,
    AgentHeard,
    Bye,
    Cancelled,
    Command,
    Declined,
    End,
    Event,
    Failed,
    HungUp,
    Ignore,
    Join,
    Joined,
    JoinFailed,
    Limits,
    NeverAcknowledged,
    Outcome,
    Reject,
    Ring,
    RoomClosed,
    Stopping,
    Tick,
)
from switchboard_local.sip_edge.talk_time import TalkTime


class State(StrEnum):
    """Where a call stands."""

    ARRIVED = "arrived"
    JOINING = "joining"
    RINGING = "ringing"
    ANSWERED = "answered"
    ACTIVE = "active"
    ENDING = "ending"
    OVER = "over"


_BEFORE_ANSWER = (State.ARRIVED, State.JOINING, State.RINGING)


class Call:
    """One call. `handle` is the only way to change it, but for `heard_media`."""

    def __init__(self, now_s: float) -> None:
        self.state = State.ARRIVED
        self.arrived_s = now_s
        self.ended_s: float | None = None
        self._limits = Limits()
        self._talk = TalkTime()
        self._ring_at_s: float | None = None
        self._pending: End | None = None
        self._agent_heard = False

    @property
    def answered_s(self) -> float | None:
        """When it was answered."""
        return self._talk.answered_s

    def heard_media(self, now_s: float) -> None:
        """Note a packet of the caller."""
        self._talk.heard(now_s)

    @property
    def deadline_s(self) -> float | None:
        """When `Tick` is due at the latest; a packet may have moved it since."""
        if self.state is State.JOINING or self.state is State.RINGING:
            ringing_end = self.arrived_s + self._limits.ringing_s
            return ringing_end if self._ring_at_s is None else min(ringing_end, self._ring_at_s)
        if self.state in (State.ENDING, State.OVER):
            return None
        return self._talk.deadline_s(self._limits)

    def handle(self, event: Event, now_s: float) -> list[Command]:
        """Take one fact, and say what is to be done, in order."""
        if self.state is State.OVER:
            return []
        return list(self._decide(event, now_s))

    def _decide(self, event: Event, now_s: float) -> Iterator[Command]:  # noqa: C901, PLR0912 - one arm per kind of event
        match event:
            case Admitted(limits):
                yield from self._admit(limits, now_s)
            case Declined():
                yield from self._decline(event, now_s)
            case Joined():
                yield from self._joined(now_s)
            case JoinFailed(text):
                yield from self._end(503, Outcome.JOIN_FAILED, text, now_s)
            case AgentHeard():
                yield from self._answer(now_s)
            case Acknowledged():
                yield from self._acknowledged(now_s)
            case NeverAcknowledged():
                yield from self._never_acknowledged(now_s)
            case Cancelled() | HungUp():
                yield from self._caller_left(now_s)
            case RoomClosed(text):
                yield from self._end(486, Outcome.ROOM_ENDED, text, now_s)
            case Stopping():
                yield from self._stop(now_s)
            case Failed(text):
                yield from self._end(500, Outcome.INTERNAL_ERROR, text, now_s)
            case Tick():
                yield from self._tick(now_s)
            case _:
                assert_never(event)

    def _admit(self, limits: Limits, now_s: float) -> Iterator[Command]:
        if self.state is not State.ARRIVED:
            return
        self._limits = limits
        self.state = State.JOINING
        self._ring_at_s = now_s + limits.ring_again_s
        yield Ring()
        yield Join()

    def _decline(self, event: Declined, now_s: float) -> Iterator[Command]:
        if self.state is not State.ARRIVED:
            return
        if event.silent:
            # livekit-sip rings before it looks for a rule, and drops without another word.
            yield Ring()
            yield Ignore()
        else:
            yield Reject(event.status, event.text)
        yield self._over(event.outcome, event.text, now_s)

    def _joined(self, now_s: float) -> Iterator[Command]:
        if self.state is State.JOINING:
            self.state = State.RINGING
            if self._agent_heard:
                yield from self._answer(now_s)

    def _answer(self, now_s: float) -> Iterator[Command]:
        """Answer once both are true: the caller's track is published, and the agent's is heard."""
        self._agent_heard = True
        if self.state is State.RINGING:
            self.state = State.ANSWERED
            self._talk.answered_s = now_s
            yield Accept()

    def _acknowledged(self, now_s: float) -> Iterator[Command]:
        if self.state is State.ANSWERED:
            self.state = State.ACTIVE
        elif self.state is State.ENDING and self._pending is not None:
            yield Bye(self._pending.text)
            yield self._over(self._pending.outcome, self._pending.text, now_s)

    def _never_acknowledged(self, now_s: float) -> Iterator[Command]:
        if self.state is State.ANSWERED or self.state is State.ENDING:
            text = "no ACK for the 200"
            yield Bye(text)
            yield self._over(Outcome.NEVER_ACKNOWLEDGED, text, now_s)

    def _caller_left(self, now_s: float) -> Iterator[Command]:
        if self.state in _BEFORE_ANSWER:
            yield Reject(487, "cancelled by the caller")
            yield self._over(Outcome.CANCELLED, "cancelled by the caller", now_s)
        else:
            yield self._over(Outcome.CALLER_HUNG_UP, "BYE", now_s)

    def _end(self, status: int, outcome: Outcome, text: str, now_s: float) -> Iterator[Command]:
        """End from our side, in the way that the call's state asks for."""
        if self.state in _BEFORE_ANSWER:
            yield Reject(status, text)
            yield self._over(outcome, text, now_s)
        elif self.state is State.ACTIVE:
            yield Bye(text)
            yield self._over(outcome, text, now_s)
        elif self.state is State.ANSWERED:
            self.state = State.ENDING
            self._pending = End(outcome, text)

    def _stop(self, now_s: float) -> Iterator[Command]:
        """End now: nobody will be here when a late ACK comes."""
        text = "the SIP edge is stopping"
        if self.state in (State.ANSWERED, State.ENDING):
            yield Bye(text)
            yield self._over(Outcome.SHUTDOWN, text, now_s)
        else:
            yield from self._end(503, Outcome.SHUTDOWN, text, now_s)

    def _over(self, outcome: Outcome, text: str, now_s: float) -> End:
        self.state = State.OVER
        self.ended_s = now_s
        return End(outcome, text)

    def _tick(self, now_s: float) -> Iterator[Command]:
        if self.state is State.JOINING or self.state is State.RINGING:
            if now_s >= self.arrived_s + self._limits.ringing_s:
                text = f"no agent answered within {self._limits.ringing_s:g} s"
                yield from self._end(480, Outcome.RINGING_TIMEOUT, text, now_s)
            elif self._ring_at_s is not None and now_s >= self._ring_at_s:
                self._ring_at_s = now_s + self._limits.ring_again_s
                yield Ring()
        elif (end := self._talk.end(self._limits, now_s)) is not None:
            yield from self._end(480, end.outcome, end.text, now_s)
