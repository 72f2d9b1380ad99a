"""What the watchdog lets pass, what it stops, and when it steps in."""

from dataclasses import replace

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn.commands import ReplyKind
from switchboard_agent.turn.watchdog import LOOK_EVERY_MS, Alarm, Sight, Watchdog

FINE = Sight(now_ms=0.0, deadline_ms=1e9, unheard=False, speaking=False, waiting_for_part=False)


def looks(dog: Watchdog, sight: Sight, from_ms: float, until_ms: float) -> list[float]:
    """When it steps in, looking as often as it does in a call."""
    found, now = [], from_ms
    while now <= until_ms:
        if dog.look(replace(sight, now_ms=now)) is not None:
            found.append(now)
        now += LOOK_EVERY_MS
    return found


def test_a_call_that_goes_well_raises_nothing() -> None:
    alarms: list[Alarm] = []
    dog = Watchdog(alarms.append)
    assert dog.allows(cmd.CommitReply(1, 1, ReplyKind.TURN, 0.0), 0.0)
    assert all(dog.allows_frame(ms) for ms in range(0, 400, 20))
    assert dog.allows(cmd.PausePlayback(400.0), 400.0)
    assert dog.allows(cmd.ResumePlayback(backchannel=True), 900.0)
    assert dog.allows_frame(900.0)
    assert dog.allows(cmd.FlushPlayback(1, 920.0), 920.0)
    assert dog.allows(cmd.CommitReply(2, 2, ReplyKind.TURN, 1000.0), 1400.0)
    assert looks(dog, FINE, 1500.0, 20_000.0) == []
    assert alarms == []


def test_a_second_reply_to_a_turn_is_stopped() -> None:
    alarms: list[Alarm] = []
    dog = Watchdog(alarms.append)
    assert dog.allows(cmd.CommitReply(1, 1, ReplyKind.TURN, 0.0), 0.0)
    assert not dog.allows(cmd.CommitReply(2, 1, ReplyKind.TURN, 0.0), 10.0)
    assert dog.allows(cmd.CommitReply(3, 1, ReplyKind.NO_INPUT, None), 20.0)
    assert alarms == [Alarm.TWICE]


def test_no_frame_leaves_after_a_flush_or_while_paused() -> None:
    alarms: list[Alarm] = []
    dog = Watchdog(alarms.append)
    assert not dog.allows_frame(0.0)
    dog.allows(cmd.CommitReply(1, 1, ReplyKind.TURN, 0.0), 0.0)
    dog.allows(cmd.PausePlayback(20.0), 20.0)
    assert not dog.allows_frame(20.0)
    dog.allows(cmd.ResumePlayback(backchannel=False), 40.0)
    dog.allows(cmd.FlushPlayback(1, 60.0), 60.0)
    assert not dog.allows_frame(60.0)
    assert alarms == [Alarm.AFTER_FLUSH] * 3


def test_a_caller_nobody_listens_to_is_noticed_after_two_seconds_and_again_after_two_more() -> None:
    dog = Watchdog(lambda _: None)
    assert looks(dog, replace(FINE, unheard=True), 0.0, 5000.0) == [2000.0, 4500.0]


def test_a_timer_that_was_lost_is_noticed_after_two_seconds() -> None:
    dog = Watchdog(lambda _: None)
    assert looks(dog, replace(FINE, deadline_ms=900.0), 1000.0, 3000.0) == [3000.0]


def test_a_reply_that_hangs_is_noticed_unless_it_waits_for_its_next_part() -> None:
    dog = Watchdog(lambda _: None)
    dog.allows(cmd.CommitReply(1, 1, ReplyKind.TURN, 0.0), 0.0)
    dog.allows_frame(100.0)
    writing = replace(FINE, speaking=True, waiting_for_part=True)
    assert looks(dog, writing, 500.0, 5000.0) == []
    assert looks(dog, replace(FINE, speaking=True), 5500.0, 7500.0) == [7500.0]
