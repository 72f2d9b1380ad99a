"""A placed call's decisions: each ending, and what holds whatever happens in whatever order."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from switchboard_local.sip_edge.outgoing import CANCEL_S, OutgoingCall, State
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

LIMITS = Limits(ringing_s=30, duration_s=600, first_media_s=30, media_s=15)
BUSY = Refused(Fault("resource_exhausted", "busy", 486, "Busy Here"))
UP_TO_RINGING: list[Event] = [Joined(), Provisional(100), Provisional(180)]
UP_TO_TALK = [*UP_TO_RINGING, PickedUp()]


def played(events: list[Event], *, wait: bool = True) -> tuple[OutgoingCall, list[Command]]:
    call = OutgoingCall(0.0, LIMITS, wait=wait)
    return call, [command for event in events for command in call.handle(event, 1.0)]


def test_a_call_joins_dials_rings_and_talks() -> None:
    call, commands = played(UP_TO_TALK)
    assert commands == [SendInvite(), Show("ringing"), Talk(), Show("active"), Succeed()]
    assert call.state is State.ACTIVE


def test_who_does_not_wait_is_told_as_soon_as_the_participant_is_there() -> None:
    _, commands = played([Joined()], wait=False)
    assert commands == [SendInvite(), Succeed()]
    _, commands = played([*UP_TO_RINGING, BUSY], wait=False)
    assert not [command for command in commands if isinstance(command, Fail)]


def test_a_refusal_is_told_with_its_status() -> None:
    call, commands = played([*UP_TO_RINGING, BUSY])
    assert commands[-2:] == [Fail(BUSY.fault), End(Outcome.REFUSED, "busy")]
    assert call.state is State.OVER


def test_nobody_who_answers_is_cancelled_and_the_room_is_left_at_once() -> None:
    call, _ = played(UP_TO_RINGING)
    assert call.deadline_s == 31.0
    fault = Fault("canceled", "nobody answered within 30 s")
    assert call.handle(Tick(), 31.0) == [Fail(fault), SendCancel(), Leave()]
    assert call.deadline_s == 31.0 + CANCEL_S
    ended = call.handle(Refused(Fault("aborted", "", 487)), 31.5)
    assert ended == [End(Outcome.RINGING_TIMEOUT, fault.text)]


def test_a_cancel_waits_for_the_first_sign_of_the_other_end() -> None:
    call, commands = played([Joined(), RoomClosed("gone")])
    assert commands[1:] == [Fail(Fault("canceled", "gone")), Leave()]
    assert call.handle(Provisional(100), 2.0) == [SendCancel()]
    assert call.handle(Provisional(180), 2.0) == []


@pytest.mark.parametrize("late", [PickedUp(), Unspeakable("what?")])
def test_a_phone_picked_up_in_spite_of_the_cancel_is_hung_up_on(late: Event) -> None:
    call, _ = played([*UP_TO_RINGING, RoomClosed("gone")])
    assert call.handle(late, 2.0) == [Bye("gone"), End(Outcome.ROOM_ENDED, "gone")]


def test_a_cancelled_call_that_never_ends_is_given_up() -> None:
    call, _ = played([*UP_TO_RINGING, Stopping()])
    assert call.handle(Tick(), 1.0 + CANCEL_S - 0.1) == []
    assert isinstance(call.handle(Tick(), 1.0 + CANCEL_S)[-1], End)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (JoinFailed("no"), Outcome.JOIN_FAILED),
        (RoomClosed("no"), Outcome.ROOM_ENDED),
        (Failed("no"), Outcome.INTERNAL_ERROR),
        (BUSY, Outcome.REFUSED),
    ],
)
def test_a_call_that_never_joins_dials_nobody(event: Event, outcome: Outcome) -> None:
    for wait in (True, False):
        _, commands = played([event], wait=wait)
        assert [type(command) for command in commands] == [Fail, End]
        assert isinstance(commands[-1], End)
        assert commands[-1].outcome is outcome


@pytest.mark.parametrize(
    ("event", "last"),
    [
        (HungUp(), [End(Outcome.CALLEE_HUNG_UP, "BYE")]),
        (RoomClosed("gone"), [Bye("gone"), End(Outcome.ROOM_ENDED, "gone")]),
        (Failed("broken"), [Bye("broken"), End(Outcome.INTERNAL_ERROR, "broken")]),
    ],
)
def test_talk_ends_with_a_bye_unless_the_phone_hung_up(event: Event, last: list[Command]) -> None:
    _, commands = played([*UP_TO_TALK, event])
    assert commands[-len(last) :] == last
    assert Succeed() in commands
    assert not [command for command in commands if isinstance(command, Fail)]


def test_sound_that_cannot_be_spoken_is_a_failure_and_a_bye() -> None:
    _, commands = played([*UP_TO_RINGING, Unspeakable("no codec")])
    assert commands[-3:] == [
        Fail(Fault("failed_precondition", "no codec")),
        Bye("no codec"),
        End(Outcome.NO_COMMON_CODEC, "no codec"),
    ]


def test_a_silent_phone_and_an_endless_call_are_hung_up() -> None:
    call, _ = played(UP_TO_TALK)
    assert call.deadline_s == 31.0
    call.heard_media(600.0)
    assert call.deadline_s == 601.0
    assert call.handle(Tick(), 600.9) == []
    assert call.handle(Tick(), 601.0)[-1] == End(Outcome.MAX_DURATION, "longer than 600 s")
    silent, _ = played(UP_TO_TALK)
    assert silent.handle(Tick(), 31.0)[-1] == End(Outcome.MEDIA_TIMEOUT, "no RTP from the phone")


@dataclass(frozen=True, slots=True)
class Step:
    event: Event
    after_s: float
    media: bool


EVENTS: st.SearchStrategy[Event] = st.sampled_from(
    [
        Joined(),
        JoinFailed("x"),
        Provisional(100),
        Provisional(180),
        PickedUp(),
        Unspeakable("x"),
        BUSY,
        Unreachable(),
        HungUp(),
        RoomClosed("x"),
        Stopping(),
        Failed("x"),
        Tick(),
    ]
)
STEPS = st.lists(st.builds(Step, EVENTS, st.floats(0.0, 40.0), st.booleans()), max_size=25)


def driven(
    call: OutgoingCall, steps: list[Step]
) -> tuple[list[tuple[Event, list[Command]]], float]:
    now_s, seen = 0.0, list[tuple[Event, list[Command]]]()
    for step in steps:
        now_s += step.after_s
        if step.media:
            call.heard_media(now_s)
        seen.append((step.event, call.handle(step.event, now_s)))
    return seen, now_s


@given(STEPS, st.booleans())
def test_whatever_happens_who_asked_is_told_once_and_the_phone_is_let_go(
    steps: list[Step], wait: bool
) -> None:
    call = OutgoingCall(0.0, LIMITS, wait=wait)
    seen, _ = driven(call, steps)
    commands = [command for _, given_ in seen for command in given_]
    kinds = [type(command) for command in commands]
    told = kinds.count(Succeed) + kinds.count(Fail)
    assert max(kinds.count(k) for k in (SendInvite, SendCancel, Talk, Bye, End, Leave)) <= 1
    assert told <= 1
    assert (End in kinds) is (call.state is State.OVER)
    if End in kinds:
        assert told == 1
        assert kinds[-1] is End
    if SendCancel in kinds:
        assert any(isinstance(event, Provisional) for event, _ in seen)
        assert Talk not in kinds
    if Talk in kinds and End in kinds:
        hung_up = any(isinstance(event, HungUp) for event, _ in seen)
        assert (Bye in kinds) or hung_up
    for event, given_ in seen:
        if isinstance(event, PickedUp | Unspeakable) and given_:
            assert {type(command) for command in given_} & {Talk, Bye}


@given(STEPS, st.booleans())
def test_time_alone_ends_every_call(steps: list[Step], wait: bool) -> None:
    call = OutgoingCall(0.0, LIMITS, wait=wait)
    _, now_s = driven(call, steps)
    for _ in range(5):
        deadline_s = call.deadline_s
        if deadline_s is None:
            break
        now_s = max(now_s, deadline_s)
        call.handle(Tick(), now_s)
    assert call.state is State.OVER
