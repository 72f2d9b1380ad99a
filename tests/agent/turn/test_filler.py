"""The answer is slow: something short is said meanwhile, once, and not if the answer is there."""

from dataclasses import replace

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from tests.agent.turn.play import Play, answered_and_greeted
from tests.agent.turn.rules import policy


def asked() -> Play:
    """The turn is over at 3,300 ms; its reply is number 2."""
    play = answered_and_greeted(replace(policy(), fillers=("Let me check.", "One moment.")))
    play.said("yes please")
    play.at(3400)
    play.done.clear()
    return play


def test_a_filler_is_said_when_the_answer_is_slow_and_the_answer_follows() -> None:
    play = asked()
    play.at(4000)
    assert play.done == [(4000, cmd.StartReply(3, ReplyKind.FILLER, "Let me check."))]
    play.at(4080, ev.ReplyReady(3))
    play.at(4300)
    assert play.done[-1] == (4300, cmd.CommitReply(3, 1, ReplyKind.FILLER, None))
    assert play.at(4900, ev.ReplyReady(2)) == []
    ended, commit = play.at(5200, ev.PlaybackFinished(3))
    assert isinstance(ended, cmd.TurnEnded)
    assert commit == cmd.CommitReply(2, 1, ReplyKind.TURN, 3000)


def test_a_filler_is_withdrawn_if_the_answer_is_ready_first() -> None:
    play = asked()
    play.at(4080, ev.ReplyReady(3))
    _, withdrawn, commit = play.at(4200, ev.ReplyReady(2))
    assert withdrawn == cmd.CancelReply(3)
    assert commit == cmd.CommitReply(2, 1, ReplyKind.TURN, 3000)
    play.at(8000)
    assert len(play.when(cmd.CommitReply)) == 1


def test_one_filler_per_turn_and_another_one_the_next_time() -> None:
    play = asked()
    play.at(4080, ev.ReplyReady(3))
    play.at(5200, ev.PlaybackFinished(3))
    play.at(9000)
    assert len(play.when(cmd.CommitReply)) == 1
    play.at(9100, ev.ReplyReady(2))
    play.at(10_000, ev.PlaybackFinished(2))
    play.said("on monday", utterance=2, at=11_000)
    play.at(14_000)
    assert play.done[-1] == (13_000, cmd.StartReply(5, ReplyKind.FILLER, "One moment."))


def test_the_first_sound_of_the_caller_ends_a_filler_and_his_words_join_the_turn() -> None:
    play = asked()
    play.at(4080, ev.ReplyReady(3))
    play.at(4400)
    commands = play.at(4470, ev.SpeechStarted(4400, 70_400))
    assert cmd.FlushPlayback(3, 4470) in commands
    assert cmd.CancelReply(2) in commands
    play.at(5600, ev.SpeechEnded(5400))
    play.at(5650, ev.Final(2, "on monday"))
    play.at(5700, ev.ReplyReady(4))
    assert play.done[-2][1] == cmd.TurnEnded(1, "yes please on monday", "", 5400, 300)


def test_a_filler_that_fails_is_not_missed() -> None:
    play = asked()
    play.at(4080, ev.ReplyFailed(3))
    play.at(4200, ev.ReplyReady(2))
    assert play.done[-1] == (4200, cmd.CommitReply(2, 1, ReplyKind.TURN, 3000))
