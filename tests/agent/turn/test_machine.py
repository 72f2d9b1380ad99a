"""Turn-taking as arithmetic: what happens at which millisecond."""

import pytest

from switchboard_agent.transport.base import CloseReason
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from switchboard_contract.call_events import Outcome
from tests.agent.turn.play import Play, answered_and_greeted, speaking
from tests.agent.turn.rules import policy


def test_nothing_happens_before_the_answer() -> None:
    play = Play()
    assert play.at(10, ev.SpeechStarted(0, 0), ev.Dtmf("1"), ev.Tick()) == []
    assert play.machine.deadline_ms == float("inf")


def test_complete_words_are_answered_after_the_short_silence() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    assert play.when(cmd.StartReply) == [3250]
    play.at(3280, ev.ReplyReady(2))
    play.at(3500)
    assert play.when(cmd.CommitReply) == [3300]
    assert play.done[-2:] == [
        (3300, cmd.TurnEnded(1, "yes please", "", 3000, 300)),
        (3300, cmd.CommitReply(2, 1, ReplyKind.TURN, 3000)),
    ]


def test_unfinished_words_are_given_the_long_silence() -> None:
    play = answered_and_greeted()
    play.said("monday and")
    play.at(3900, ev.ReplyReady(2))
    play.at(5000)
    assert play.when(cmd.StartReply) == [3000 + 1200 - 400]
    assert play.when(cmd.CommitReply) == [4200]


def test_a_reply_that_is_late_is_said_the_moment_it_is_ready() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    assert cmd.CommitReply(2, 1, ReplyKind.TURN, 3000) in play.at(4321, ev.ReplyReady(2))


def test_words_of_a_short_sound_are_given_up_within_a_second() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(2300, ev.Partial(1, "hello"))
    play.at(2700, ev.SpeechEnded(2500))
    play.at(5000)
    assert play.when(cmd.StartReply) == [3400]
    assert any(command == cmd.StartReply(2, ReplyKind.TURN, "hello") for _, command in play.done)


def test_words_of_what_was_surely_speech_may_take_longer() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(3200, ev.SpeechEnded(3000))
    play.at(8000)
    assert play.when(cmd.StartReply)[0] == 4200
    late = answered_and_greeted()
    late.at(2070, ev.SpeechStarted(2000, 32_000))
    late.at(3200, ev.SpeechEnded(3000))
    assert late.at(4100, ev.Final(1, "yes")) == [cmd.StartReply(2, ReplyKind.TURN, "yes")]


def test_a_short_sound_without_words_is_forgotten_within_a_second() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(2400, ev.SpeechEnded(2200))
    play.at(2450, ev.Final(1, ""))
    assert play.machine.deadline_ms == 2450 + 8000
    assert play.when(cmd.StartReply) == []


def test_words_of_the_caller_going_on_cancel_the_reply_and_are_added() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    assert play.at(3290, ev.SpeechStarted(3230, 50_000)) == [
        cmd.StartUtterance(2, 50_000),
        cmd.CancelReply(2),
    ]
    play.at(4200, ev.SpeechEnded(4000))
    assert play.at(4250, ev.Final(2, "on monday")) == [
        cmd.StartReply(3, ReplyKind.TURN, "yes please on monday", speculative=True)
    ]


def test_a_new_utterance_waits_for_the_words_of_the_last() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    assert play.at(2500, ev.SpeechEnded(2300)) == [cmd.AskForFinal(1)]
    assert play.at(2510, ev.SpeechStarted(2450, 40_000)) == []
    assert play.at(2600, ev.SpeechEnded(2550)) == []
    assert play.at(2650, ev.Final(1, "one")) == [cmd.StartUtterance(2, 40_000), cmd.AskForFinal(2)]
    play.at(2700, ev.Final(2, "two"))
    assert (2700, cmd.StartReply(2, ReplyKind.TURN, "one two", speculative=True)) in play.done


def test_a_sound_over_the_agent_pauses_it_at_once_and_speech_that_lasts_cuts_it() -> None:
    play = speaking()
    assert play.at(5070, ev.SpeechStarted(5000, 80_000)) == [
        cmd.StartUtterance(2, 80_000),
        cmd.PausePlayback(5000),
    ]
    play.at(6000)
    assert play.done[-1] == (5000 + 700 + 225, cmd.FlushPlayback(2, 5000))


def test_two_words_cut_the_agent_before_the_time_is_up() -> None:
    play = speaking()
    play.at(5070, ev.SpeechStarted(5000, 80_000))
    assert play.at(5200, ev.Partial(2, "no")) == []
    assert play.at(5240, ev.Partial(2, "no monday")) == [cmd.FlushPlayback(2, 5000)]


def test_a_cough_lets_the_agent_go_on() -> None:
    play = speaking()
    play.at(5070, ev.SpeechStarted(5000, 80_000))
    play.at(5350, ev.SpeechEnded(5150))
    assert play.at(5400, ev.Final(2, "no")) == [cmd.ResumePlayback(backchannel=False)]
    play.at(6000, ev.PlaybackFinished(2))
    assert play.machine.deadline_ms == 6000 + 8000


def test_a_cough_whose_words_never_come_lets_the_agent_go_on_as_well() -> None:
    play = speaking()
    play.at(5070, ev.SpeechStarted(5000, 80_000))
    play.at(5350, ev.SpeechEnded(5150))
    play.at(7000)
    assert play.when(cmd.ResumePlayback) == [5350 + 700]


def test_where_barge_in_is_off_the_agent_finishes_and_then_answers() -> None:
    play = Play(policy(barge_in=False))
    play.at(0, ev.CallAnswered())
    play.at(100, ev.ReplyReady(1))
    play.at(570, ev.SpeechStarted(500, 8000))
    play.at(1500, ev.SpeechEnded(1300))
    play.at(1550, ev.Final(1, "hello"))
    assert play.when(cmd.PausePlayback) == []
    assert play.at(3000, ev.PlaybackFinished(1)) == [cmd.StartReply(2, ReplyKind.TURN, "hello")]


def test_words_before_the_greeting_wait_for_it_and_are_answered_then() -> None:
    play = Play()
    play.at(0, ev.CallAnswered())
    play.at(20, ev.SpeechStarted(-800, 0), ev.SpeechEnded(-100))
    play.at(60, ev.Final(1, "hello"))
    assert play.at(90, ev.ReplyReady(1)) == [cmd.CommitReply(1, 0, ReplyKind.GREETING, None)]
    assert play.at(3000, ev.PlaybackFinished(1)) == [cmd.StartReply(2, ReplyKind.TURN, "hello")]
    ended, commit = play.at(3100, ev.ReplyReady(2))
    assert isinstance(ended, cmd.TurnEnded)
    assert commit == cmd.CommitReply(2, 1, ReplyKind.TURN, None)


def test_the_greeting_is_not_said_into_the_callers_words() -> None:
    play = Play()
    play.at(0, ev.CallAnswered())
    play.at(80, ev.SpeechStarted(20, 0))
    assert play.at(90, ev.ReplyReady(1)) == []
    play.at(1000, ev.SpeechEnded(800))
    assert play.at(1050, ev.Final(1, "hello")) == [cmd.CommitReply(1, 0, ReplyKind.GREETING, None)]


def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    play = answered_and_greeted()
    assert play.machine.deadline_ms == 9000
    play.at(9000)
    play.at(9100, ev.ReplyReady(2, end_call=True))
    play.at(10_000, ev.PlaybackFinished(2))
    play.at(11_000)
    assert play.done[-1] == (10_300, cmd.HangUp(Outcome.NO_INPUT))


def test_a_goodbye_cut_by_noise_still_ends_the_call_as_completed() -> None:
    play = answered_and_greeted()
    play.said("goodbye")
    play.at(3280, ev.ReplyReady(2, end_call=True))
    play.at(4070, ev.SpeechStarted(4000, 64_000))
    play.at(6000, ev.SpeechEnded(4100))
    play.at(6050, ev.Final(2, ""))
    play.at(6060, ev.ReplyReady(3, end_call=True))
    play.at(7000, ev.PlaybackFinished(3))
    play.at(8000)
    assert play.done[-1] == (7300, cmd.HangUp(Outcome.COMPLETED))


def test_speech_without_end_is_answered_after_half_a_minute_and_heard_again_after() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(33_000)
    assert play.when(cmd.AskForFinal) == [32_000]
    play.at(33_000, ev.Final(1, "blah"), ev.ReplyReady(2))
    assert not play.machine.listening
    commands = play.at(35_000, ev.PlaybackFinished(2))
    assert commands == [cmd.StartUtterance(2, None)]
    assert play.machine.listening


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (CloseReason.CALLER_LEFT, Outcome.CALLER_HUNG_UP),
        (CloseReason.ROOM_CLOSED, Outcome.CALLER_HUNG_UP),
        (CloseReason.LOST, Outcome.TRANSPORT_FAILED),
    ],
)
def test_a_closed_transport_names_its_outcome(reason: CloseReason, outcome: Outcome) -> None:
    play = answered_and_greeted()
    assert play.at(2000, ev.Closed(reason)) == [cmd.HangUp(outcome)]
    assert play.at(3000, ev.Tick(), ev.SpeechStarted(2900, 0)) == []


def test_words_said_before_hanging_up_are_kept() -> None:
    play = answered_and_greeted()
    play.said("never mind and")
    ended, hang_up = play.at(3300, ev.Closed(CloseReason.CALLER_LEFT))
    assert isinstance(ended, cmd.TurnEnded)
    assert ended.text == "never mind and"
    assert hang_up == cmd.HangUp(Outcome.CALLER_HUNG_UP)


def test_a_caller_who_leaves_after_the_goodbye_completed_the_call() -> None:
    play = answered_and_greeted()
    play.said("goodbye")
    play.at(3280, ev.ReplyReady(2, end_call=True))
    play.at(4000, ev.PlaybackFinished(2))
    assert play.at(4100, ev.Closed(CloseReason.CALLER_LEFT)) == [cmd.HangUp(Outcome.COMPLETED)]


def test_missing_media_ends_the_call_only_after_its_time() -> None:
    play = answered_and_greeted()
    assert play.at(2000, ev.MediaSilent(9_999)) == []
    assert play.at(3000, ev.MediaSilent(10_000)) == [cmd.HangUp(Outcome.NO_MEDIA)]


def test_a_reply_that_never_gets_ready_is_tried_twice() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    play.at(30_000)
    assert play.when(cmd.StartReply) == [3250, 3250 + 8000]
    assert play.done[-1] == (3250 + 16_000, cmd.HangUp(Outcome.FAILED))
