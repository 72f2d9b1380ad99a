from dataclasses import replace

from switchboard_agent.transport.base import CloseReason
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from switchboard_contract.call_events import Outcome
from tests.agent.turn.play import Play, speaking
from tests.agent.turn.rules import policy


def handing_over() -> Play:
    """The agent has said that it puts the caller through, at 5,000 ms."""
    play = speaking(replace(policy(), not_transferred="nobody is there"))
    assert cmd.Transfer() in play.at(5000, ev.PlaybackFinished(2, transfer=True))
    return play


def test_a_caller_who_is_taken_over_ends_the_call_as_such() -> None:
    play = handing_over()
    assert play.at(20_000, ev.TransferEnded(succeeded=True)) == [cmd.HangUp(Outcome.TRANSFERRED)]


def test_nobody_is_asked_or_answered_while_it_rings() -> None:
    play = handing_over()
    said = play.at(9000, ev.SpeechStarted(8900, 0), ev.SpeechEnded(9000), ev.Dtmf("1"))
    assert said == []
    assert play.at(34_000) == []


def test_a_carrier_that_holds_the_caller_sends_no_audio_and_that_ends_nothing() -> None:
    play = handing_over()
    assert play.at(20_000, ev.MediaSilent(15_000)) == []


def test_a_caller_who_leaves_meanwhile_has_hung_up() -> None:
    play = handing_over()
    closed = play.at(9000, ev.Closed(CloseReason.CALLER_LEFT))
    assert closed == [cmd.HangUp(Outcome.CALLER_HUNG_UP)]


def test_a_failure_is_told_even_to_a_caller_who_speaks_and_then_they_are_heard() -> None:
    play = handing_over()
    play.at(34_000, ev.SpeechStarted(33_900, 0))
    failed = play.at(35_000, ev.TransferEnded(succeeded=False))
    starts = [command for command in failed if isinstance(command, cmd.StartReply)]
    assert [(s.kind, s.text) for s in starts] == [(ReplyKind.NOT_TRANSFERRED, "nobody is there")]
    (heard,) = [command for command in failed if isinstance(command, cmd.StartUtterance)]
    play.at(35_200, ev.ReplyReady(starts[0].reply))
    play.at(36_000, ev.SpeechEnded(35_900))
    play.at(36_100, ev.Final(heard.utterance, "are you there"))
    assert play.when(cmd.CommitReply) == [36_100]


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    play = speaking()
    assert play.at(4100, ev.TransferEnded(succeeded=True)) == []
