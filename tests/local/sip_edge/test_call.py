"""The call's decisions: each ending, and what holds whatever happens in whatever order."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_local.sip_edge.call import Call, State
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

LIMITS = Limits(ringing_s=30, duration_s=600, first_media_s=30, media_s=15, ring_again_s=10)
UP_TO_RINGING: list[Event] = [Admitted(LIMITS), Joined()]
UP_TO_ANSWER = [*UP_TO_RINGING, AgentHeard()]
UP_TO_TALK = [*UP_TO_ANSWER, Acknowledged()]


def played(events: list[Event]) -> tuple[Call, list[Command]]:
    call = Call(0.0)
    commands = [command for event in events for command in call.handle(event, 1.0)]
    return call, commands


def test_a_call_rings_joins_answers_and_talks() -> None:
    call, commands = played(UP_TO_TALK)
    assert commands == [Ring(), Join(), Accept()]
    assert call.state is State.ACTIVE


@pytest.mark.parametrize(
    ("before", "event", "last"),
    [
        ([], Declined(404, Outcome.UNROUTED, "no"), [Reject(404, "no")]),
        ([], Declined(404, Outcome.UNROUTED, "no", silent=True), [Ring(), Ignore()]),
        ([], Cancelled(), [Reject(487, "cancelled by the caller")]),
        ([Admitted(LIMITS)], JoinFailed("no"), [Reject(503, "no")]),
        (UP_TO_RINGING, HungUp(), [Reject(487, "cancelled by the caller")]),
        (UP_TO_RINGING, RoomClosed("gone"), [Reject(486, "gone")]),
        (UP_TO_RINGING, Failed("broken"), [Reject(500, "broken")]),
        (UP_TO_RINGING, Stopping(), [Reject(503, "the SIP edge is stopping")]),
        (UP_TO_ANSWER, HungUp(), []),
        (UP_TO_ANSWER, NeverAcknowledged(), [Bye("no ACK for the 200")]),
        (UP_TO_ANSWER, Stopping(), [Bye("the SIP edge is stopping")]),
        (UP_TO_TALK, HungUp(), []),
        (UP_TO_TALK, RoomClosed("gone"), [Bye("gone")]),
        (UP_TO_TALK, Stopping(), [Bye("the SIP edge is stopping")]),
        (UP_TO_TALK, Failed("broken"), [Bye("broken")]),
    ],
)
def test_each_end_tells_the_peer_in_the_way_of_its_stage(
    before: list[Event], event: Event, last: list[Command]
) -> None:
    call, commands = played([*before, event])
    earlier = len(played(before)[1])
    assert commands[earlier:-1] == last
    assert isinstance(commands[-1], End)
    assert call.state is State.OVER


def test_a_bye_of_ours_waits_for_the_ack() -> None:
    call, commands = played([*UP_TO_ANSWER, RoomClosed("gone")])
    assert commands[-1] == Accept()
    assert call.deadline_s is None
    assert call.handle(Acknowledged(), 2.0) == [Bye("gone"), End(Outcome.ROOM_ENDED, "gone")]


def test_ringing_is_repeated_and_ends() -> None:
    call, _ = played(UP_TO_RINGING)
    assert call.deadline_s == 11.0
    assert call.handle(Tick(), 11.0) == [Ring()]
    assert call.deadline_s == 21.0
    assert call.handle(Tick(), 21.0) == [Ring()]
    assert call.deadline_s == 30.0
    assert call.handle(Tick(), 30.0)[-1] == End(
        Outcome.RINGING_TIMEOUT, "no agent answered within 30 s"
    )


def test_packets_move_the_media_deadline_and_never_the_longest_duration() -> None:
    call, _ = played(UP_TO_TALK)
    assert call.deadline_s == 31.0
    call.heard_media(20.0)
    assert call.deadline_s == 35.0
    assert call.handle(Tick(), 34.9) == []
    call.heard_media(600.0)
    assert call.deadline_s == 601.0
    assert call.handle(Tick(), 601.0)[-1] == End(Outcome.MAX_DURATION, "longer than 600 s")


def test_packets_before_the_answer_do_not_count() -> None:
    call = Call(0.0)
    call.heard_media(0.5)
    for event in UP_TO_TALK:
        call.handle(event, 1.0)
    assert call.deadline_s == 31.0


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.just(Admitted(LIMITS)),
    st.builds(Declined, st.just(404), st.just(Outcome.UNROUTED), st.just("no"), st.booleans()),
    st.sampled_from(
        [
            Joined(),
            JoinFailed("x"),
            AgentHeard(),
            Acknowledged(),
            NeverAcknowledged(),
            Cancelled(),
            HungUp(),
            RoomClosed("x"),
            Stopping(),
            Failed("x"),
            Tick(),
        ]
    ),
)


@dataclass(frozen=True, slots=True)
class Step:
    event: Event
    after_s: float
    media: bool


STEPS = st.lists(st.builds(Step, EVENTS, st.floats(0.0, 40.0), st.booleans()), max_size=25)


@given(STEPS)
def test_whatever_happens_a_call_ends_once_and_says_one_final_thing(steps: list[Step]) -> None:
    call, now_s, commands = Call(0.0), 0.0, list[Command]()
    for step in steps:
        now_s += step.after_s
        if step.media:
            call.heard_media(now_s)
        commands += call.handle(step.event, now_s)
    ends = [c for c in commands if isinstance(c, End)]
    finals = [c for c in commands if isinstance(c, Accept | Reject | Ignore)]
    byes = [c for c in commands if isinstance(c, Bye)]
    assert len(ends) <= 1
    assert len(finals) <= 1
    assert len(byes) <= 1
    assert not ends or commands[-1] == ends[0]
    assert bool(ends) is (call.state is State.OVER)
    assert not byes or Accept() in commands
    if ends and Accept() not in commands:
        assert finals


@given(STEPS)
def test_time_alone_ends_every_admitted_call(steps: list[Step]) -> None:
    call, now_s = Call(0.0), 0.0
    for step in steps:
        now_s += step.after_s
        call.handle(step.event, now_s)
    for _ in range(200):
        if call.state is State.ENDING:
            call.handle(NeverAcknowledged(), now_s)
        deadline_s = call.deadline_s
        if deadline_s is None:
            break
        now_s = max(now_s, deadline_s)
        before = call.deadline_s
        call.handle(Tick(), now_s)
        assert call.deadline_s is None or call.deadline_s != before
    assert call.state in {State.OVER, State.ARRIVED}
