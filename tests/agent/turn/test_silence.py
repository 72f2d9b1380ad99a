"""Nobody says anything: how long the agent waits, and what it does then."""

from dataclasses import replace

import pytest

from switchboard_agent.language.turn_words import asks_to_wait
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from switchboard_contract.call_events import Outcome
from tests.agent.turn.play import answered_and_greeted
from tests.agent.turn.rules import policy


def test_who_asked_to_wait_is_given_longer_and_then_asked() -> None:
    play = answered_and_greeted(replace(policy(), hold_ms=20_000))
    play.said("one moment please")
    play.at(3280, ev.ReplyReady(2, hold=True))
    play.at(4000, ev.PlaybackFinished(2))
    assert play.machine.deadline_ms == 24_000
    play.at(24_000)
    assert play.done[-1] == (24_000, cmd.StartReply(3, ReplyKind.NO_INPUT))
    play.at(24_100, ev.ReplyReady(3))
    play.at(25_000, ev.PlaybackFinished(3))
    assert play.machine.deadline_ms == 33_000, "asked once, the usual silence holds again"


def test_who_speaks_again_has_waited_enough() -> None:
    play = answered_and_greeted(replace(policy(), hold_ms=20_000))
    play.said("one moment please")
    play.at(3280, ev.ReplyReady(2, hold=True))
    play.at(4000, ev.PlaybackFinished(2))
    play.said("here it is", utterance=2, at=6000)
    play.at(7280, ev.ReplyReady(3))
    play.at(9000, ev.PlaybackFinished(3))
    assert play.machine.deadline_ms == 17_000


def test_a_sound_while_waiting_does_not_shorten_the_wait() -> None:
    play = answered_and_greeted(replace(policy(), hold_ms=20_000))
    play.said("one moment please")
    play.at(3280, ev.ReplyReady(2, hold=True))
    play.at(4000, ev.PlaybackFinished(2))
    play.at(6070, ev.SpeechStarted(6000, 96_000))
    play.at(6400, ev.SpeechEnded(6200))
    play.at(6450, ev.Final(2, ""))
    assert play.machine.deadline_ms == 26_450


def test_a_blip_to_which_nothing_was_heard_is_dropped_within_a_second() -> None:
    """The detector fired, the recogniser never answers; the silence counts on."""
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(2350, ev.SpeechEnded(2150))
    play.at(2150 + 999)
    assert play.machine.deadline_ms == pytest.approx(2350 + 700 + 8000)
    assert play.when(cmd.StartReply) == []


def test_a_word_to_which_the_recogniser_says_nothing_is_answered_after_a_second() -> None:
    """It may have been a "yes": who said it waits for an answer."""
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(2600, ev.SpeechEnded(2400))
    play.at(2400 + 999)
    assert play.when(cmd.StartReply) == [2600 + 700]


def test_a_word_on_which_the_recogniser_failed_is_answered_at_once() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(2600, ev.SpeechEnded(2400))
    assert play.at(2610, ev.Final(1, "", failed=True)) == [
        cmd.StartReply(2, ReplyKind.TURN, speculative=True)
    ]


def test_a_failure_on_words_that_were_given_up_says_nothing_about_the_next() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(2350, ev.SpeechEnded(2150))
    play.at(6000, ev.Final(1, "", failed=True))
    play.at(7070, ev.SpeechStarted(7000, 112_000))
    play.at(7600, ev.SpeechEnded(7400))
    play.at(7650, ev.Final(2, ""))
    assert play.when(cmd.StartReply) == []


def test_speech_of_which_no_word_was_understood_is_answered_within_a_second() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(3200, ev.SpeechEnded(3000))
    play.at(3300, ev.Final(1, ""))
    assert play.at(3320, ev.ReplyReady(2))[-1] == cmd.CommitReply(2, 1, ReplyKind.TURN, 3000)


def test_silence_to_the_end_is_an_outcome_of_its_own() -> None:
    play = answered_and_greeted()
    play.at(9000)
    play.at(9100, ev.ReplyReady(2, end_call=True))
    play.at(10_000, ev.PlaybackFinished(2))
    play.at(11_000)
    assert play.done[-1] == (10_300, cmd.HangUp(Outcome.NO_INPUT))


@pytest.mark.parametrize(
    "text",
    ["one moment please", "Hold on.", "okay, give me a second", "just a minute, let me check"],
)
def test_words_that_get_time(text: str) -> None:
    assert asks_to_wait("en-US", text)


@pytest.mark.parametrize(
    "text", ["", "yes please", "hold on i want to cancel", "wait a minute that is wrong"]
)
def test_words_that_want_an_answer(text: str) -> None:
    assert not asks_to_wait("en-US", text)
