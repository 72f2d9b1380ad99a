"""The caller makes a sound while the agent speaks: what happens at which millisecond."""

from dataclasses import replace

import pytest

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from switchboard_agent.turn.policy import TurnPolicy
from tests.agent.turn.play import Play, speaking
from tests.agent.turn.rules import policy


def sound(play: Play, ms: float, words: str, at: float = 5000) -> None:
    """A sound over the agent's voice whose words come 100 ms after its end was noticed."""
    play.at(at + 70, ev.SpeechStarted(at, round(at * 16)))
    play.at(at + ms + 200, ev.SpeechEnded(at + ms))
    play.at(at + ms + 300, ev.Final(2, words))


@pytest.mark.parametrize("words", ["uh-huh", "mhm", "yeah", "okay", "i see"])
def test_assent_over_the_agents_voice_pauses_it_for_less_than_a_second(words: str) -> None:
    play = speaking()
    sound(play, 500, words)
    assert play.when(cmd.PausePlayback) == [5070]
    assert play.done[-1] == (5800, cmd.ResumePlayback(backchannel=True))
    play.at(8000, ev.PlaybackFinished(2))
    assert play.machine.deadline_ms == 8000 + 8000, "assent is no turn"


def test_a_word_that_asks_for_the_floor_confirms_at_once() -> None:
    play = speaking()
    play.at(5070, ev.SpeechStarted(5000, 80_000))
    assert play.at(5200, ev.Partial(2, "wait")) == [cmd.FlushPlayback(2, 5000)]


def test_assent_that_goes_on_to_more_stops_the_agent() -> None:
    play = speaking()
    play.at(5070, ev.SpeechStarted(5000, 80_000))
    assert play.at(5500, ev.Partial(2, "yeah")) == []
    assert play.at(5900, ev.Partial(2, "yeah but tuesday")) == [cmd.FlushPlayback(2, 5000)]


def test_a_sound_whose_words_never_come_lets_the_agent_go_on_within_a_second() -> None:
    play = speaking()
    play.at(5070, ev.SpeechStarted(5000, 80_000))
    play.at(5600, ev.SpeechEnded(5400))
    play.at(9000)
    (resumed,) = play.when(cmd.ResumePlayback)
    assert resumed - 5400 < 1000


def test_a_yes_over_the_last_words_of_a_question_is_its_answer() -> None:
    play = speaking()
    sound(play, 400, "yes")
    assert play.at(6300, ev.PlaybackFinished(2)) == [cmd.StartReply(3, ReplyKind.TURN, "yes")]
    ended, commit = play.at(6400, ev.ReplyReady(3))
    assert isinstance(ended, cmd.TurnEnded)
    assert commit == cmd.CommitReply(3, 2, ReplyKind.TURN, None)


def test_a_yes_long_before_the_end_is_assent_and_no_answer() -> None:
    play = speaking()
    sound(play, 400, "yes")
    assert play.at(6500, ev.PlaybackFinished(2)) == []


def protected() -> Play:
    play = Play(policy())
    play.at(0, ev.CallAnswered())
    play.at(100, ev.ReplyReady(1, protected=True))
    play.done.clear()
    return play


def test_a_protected_phrase_is_neither_paused_nor_cut_and_words_over_it_wait() -> None:
    play = protected()
    play.at(570, ev.SpeechStarted(500, 8000))
    play.at(700, ev.Partial(1, "stop talking"))
    play.at(1800, ev.SpeechEnded(1600))
    play.at(1850, ev.Final(1, "stop talking please"), ev.Dtmf("0"))
    assert play.when(cmd.PausePlayback) == play.when(cmd.FlushPlayback) == []
    play.at(4000, ev.PlaybackFinished(1))
    assert play.done[-1] == (4000, cmd.StartReply(2, ReplyKind.TURN, "stop talking please", "0"))


def test_assent_over_a_protected_phrase_is_not_answered() -> None:
    play = protected()
    play.at(570, ev.SpeechStarted(500, 8000))
    play.at(1200, ev.SpeechEnded(1000))
    play.at(1250, ev.Final(1, "uh-huh"))
    assert play.at(4000, ev.PlaybackFinished(1)) == []


def disclosing() -> TurnPolicy:
    return replace(policy(), disclosure="This call is recorded.")


def test_the_disclosure_follows_the_greeting_without_a_pause() -> None:
    play = Play(disclosing())
    play.at(0, ev.CallAnswered())
    assert play.at(100, ev.ReplyReady(1)) == [
        cmd.CommitReply(1, 0, ReplyKind.GREETING, None),
        cmd.StartReply(2, ReplyKind.DISCLOSURE, "This call is recorded."),
    ]
    play.at(200, ev.ReplyReady(2, protected=True))
    assert play.at(1000, ev.PlaybackFinished(1)) == [
        cmd.CommitReply(2, 0, ReplyKind.DISCLOSURE, None)
    ]


def test_who_interrupts_the_greeting_hears_the_disclosure_before_the_answer() -> None:
    play = Play(disclosing())
    play.at(0, ev.CallAnswered())
    play.at(100, ev.ReplyReady(1))
    play.at(200, ev.ReplyReady(2, protected=True))
    play.at(570, ev.SpeechStarted(500, 8000))
    play.at(1800, ev.SpeechEnded(1600))
    play.at(1850, ev.Final(1, "i need an appointment"))
    assert play.when(cmd.FlushPlayback) == [1425]
    assert play.done[-1] == (1850, cmd.CommitReply(2, 0, ReplyKind.DISCLOSURE, None))
    assert play.at(5000, ev.PlaybackFinished(2)) == [
        cmd.StartReply(3, ReplyKind.TURN, "i need an appointment")
    ]
