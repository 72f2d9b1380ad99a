"""The agent presses keys: after its words, to the end, and then what follows them."""

from dataclasses import replace

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_contract.call_events import Outcome
from tests.agent.turn.play import Play, speaking

KEYS = ev.PlaybackFinished(2, keys="12#")
DONE = replace(KEYS, keys="")


def keying(finished: ev.PlaybackFinished = KEYS) -> Play:
    """The agent has said its words and presses keys from 5,000 ms on."""
    play = speaking()
    assert play.at(5000, finished) == [cmd.SendKeys("12#", replace(finished, keys=""))]
    return play


def test_a_sentence_that_is_interrupted_presses_nothing() -> None:
    play = speaking()
    play.at(4100, ev.SpeechStarted(4000, 0))
    play.at(5000)
    assert play.when(cmd.FlushPlayback)
    assert play.at(5100, KEYS) == []


def test_what_the_other_side_says_meanwhile_is_heard_and_answered_after_the_keys() -> None:
    play = keying()
    play.at(5200, ev.SpeechStarted(5130, 0))
    play.at(5900, ev.SpeechEnded(5700))
    play.at(6000, ev.Final(2, "thank you"))
    assert play.at(9000) == []
    assert [type(command) for command in play.at(9100, DONE)] == [cmd.StartReply]


def test_neither_a_voice_nor_a_key_of_the_caller_stops_them() -> None:
    play = keying()
    said = play.at(5200, ev.SpeechStarted(5130, 0), ev.Dtmf("1"))
    assert not [c for c in said if isinstance(c, cmd.PausePlayback | cmd.FlushPlayback)]


def test_silence_counts_from_the_last_key() -> None:
    play = keying()
    play.at(12_000, DONE)
    play.at(19_900)
    assert play.when(cmd.StartReply) == []
    play.at(20_100)
    assert play.when(cmd.StartReply) == [20_000]


def test_hanging_up_and_putting_through_come_after_the_keys() -> None:
    play = keying(replace(KEYS, end_call=True))
    play.at(7000, replace(DONE, end_call=True))
    play.at(7300)
    assert play.done[-1] == (7300, cmd.HangUp(Outcome.COMPLETED))
    play = keying(replace(KEYS, transfer=True))
    assert play.at(7000, replace(DONE, transfer=True)) == [cmd.Transfer()]
