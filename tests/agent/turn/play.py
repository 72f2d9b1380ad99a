"""Drives a turn machine by hand, millisecond by millisecond."""

from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import Command
from switchboard_agent.turn.machine import TurnMachine
from switchboard_agent.turn.policy import TurnPolicy
from tests.agent.turn.rules import policy


class Play:
    """Drives a machine and notes when it asked for what."""

    def __init__(self, rules: TurnPolicy | None = None) -> None:
        self.machine = TurnMachine(rules or policy())
        self.done: list[tuple[float, Command]] = []

    def at(self, ms: float, *events: ev.Event) -> list[Command]:
        """Run up to `ms`, then tell the events; what they led to."""
        while self.machine.deadline_ms <= ms:
            due = self.machine.deadline_ms
            self._note(due, ev.Tick())
        before = len(self.done)
        for event in events:
            self._note(ms, event)
        return [command for _, command in self.done[before:]]

    def when(self, kind: type[Command]) -> list[float]:
        """Times at which this was asked for."""
        return [ms for ms, command in self.done if isinstance(command, kind)]

    def said(self, text: str, utterance: int = 1, at: float = 2000) -> None:
        """A second of speech whose words are known 250 ms after it."""
        self.at(at + 70, ev.SpeechStarted(at, round(at * 16)))
        self.at(at + 1200, ev.SpeechEnded(at + 1000))
        self.at(at + 1250, ev.Final(utterance, text))

    def _note(self, ms: float, event: ev.Event) -> None:
        self.done += [(ms, command) for command in self.machine.handle(event, ms)]


def answered_and_greeted(rules: TurnPolicy | None = None) -> Play:
    """The greeting is over at 1,000 ms."""
    play = Play(rules)
    play.at(0, ev.CallAnswered())
    play.at(100, ev.ReplyReady(1))
    play.at(1000, ev.PlaybackFinished(1))
    play.done.clear()
    return play


def speaking(rules: TurnPolicy | None = None) -> Play:
    """The agent has been answering since 3,300 ms."""
    play = answered_and_greeted(rules)
    play.said("yes please")
    play.at(3280, ev.ReplyReady(2))
    play.at(4000)
    play.done.clear()
    return play
