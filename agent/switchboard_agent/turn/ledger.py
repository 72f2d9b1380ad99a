"""What speculation costs: replies begun before the caller's turn was over, and what became of them.

A reply that is begun while a pause still grows answers sooner by as much as the pause had left, and
is thrown away if the caller goes on. What is thrown away was paid for: words of a language model,
audio of a synthesiser. The ledger counts both, so that nobody has to believe that it is worth it.
Every reply that was started is either committed or wasted, whichever way the call ends.
"""

from collections.abc import Callable
from enum import StrEnum

from switchboard_agent.turn.commands import CancelReply, Command, CommitReply, HangUp, StartReply


class Speculation(StrEnum):
    """What happened to a reply that was begun early."""

    STARTED = "started"
    COMMITTED = "committed"
    WASTED = "wasted"
    """Thrown away: the caller went on, the reply failed, or the call ended."""


class SpeculationLedger:
    """Reads the commands of one call."""

    __slots__ = ("_count", "_open")

    def __init__(self, count: Callable[[Speculation], None]) -> None:
        self._count = count
        self._open: set[int] = set()

    def take(self, command: Command) -> None:
        """One command of the turn machine, in order."""
        match command:
            case StartReply(reply=reply, speculative=True):
                self._open.add(reply)
                self._count(Speculation.STARTED)
            case CommitReply(reply=reply):
                self._close(reply, Speculation.COMMITTED)
            case CancelReply(reply):
                self._close(reply, Speculation.WASTED)
            case HangUp():
                self.settle()
            case _:
                pass

    def settle(self) -> None:
        """The call is over, whether or not it was hung up. Safe to call twice."""
        for reply in tuple(self._open):
            self._close(reply, Speculation.WASTED)

    def _close(self, reply: int, fate: Speculation) -> None:
        if reply in self._open:
            self._open.remove(reply)
            self._count(fate)
