"""Speculation: when a reply is begun early, and what the ledger says about it."""

from dataclasses import replace

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.ledger import Speculation, SpeculationLedger
from switchboard_contract.call_events import Outcome
from tests.agent.turn.play import Play, answered_and_greeted
from tests.agent.turn.rules import policy


def fates(play: Play) -> list[Speculation]:
    noted: list[Speculation] = []
    ledger = SpeculationLedger(noted.append)
    for _, command in play.done:
        ledger.take(command)
    ledger.settle()
    return noted


def test_a_reply_begun_in_the_pause_and_said_is_committed() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    play.at(3280, ev.ReplyReady(2))
    play.at(3500)
    assert fates(play) == [Speculation.STARTED, Speculation.COMMITTED]


def test_a_reply_thrown_away_because_the_caller_went_on_is_wasted() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    play.at(3290, ev.SpeechStarted(3230, 50_000))
    assert fates(play) == [Speculation.STARTED, Speculation.WASTED]


def test_a_reply_in_the_making_when_the_call_ends_is_wasted() -> None:
    play = answered_and_greeted()
    play.said("yes please")
    noted: list[Speculation] = []
    ledger = SpeculationLedger(noted.append)
    for _, command in play.done:
        ledger.take(command)
    ledger.take(cmd.HangUp(Outcome.CALLER_HUNG_UP))
    ledger.settle()
    assert noted == [Speculation.STARTED, Speculation.WASTED]


def test_a_reply_begun_when_the_turn_is_over_is_no_speculation() -> None:
    play = answered_and_greeted()
    play.at(2070, ev.SpeechStarted(2000, 32_000))
    play.at(3200, ev.SpeechEnded(3000))
    play.at(3700, ev.Final(1, "yes"))
    assert play.when(cmd.StartReply) == [3700]
    assert fates(play) == []


def test_without_speculation_nothing_is_begun_before_the_turn_is_over() -> None:
    play = answered_and_greeted(replace(policy(), speculation_lead_ms=0))
    play.said("monday and")
    play.at(5000)
    assert play.when(cmd.StartReply) == [4200]
    assert fates(play) == []
