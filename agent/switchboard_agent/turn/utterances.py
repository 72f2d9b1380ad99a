"""The recogniser as the turn machine sees it: one utterance at a time, words that may come late.

The caller may start again while the words of the last utterance are still being found. The new
utterance then waits: its audio lies in the session's ring buffer, and it is opened when the
recogniser is free. Words that do not come in time are given up, so a turn never hangs on them.
"""

from enum import Enum, auto

from switchboard_agent.turn.commands import AskForFinal, Command, StartUtterance


class _State(Enum):
    IDLE = auto()
    OPEN = auto()
    CLOSING = auto()


class Utterances:
    """Numbers utterances, orders them, and bounds the wait for their words."""

    __slots__ = (
        "_number",
        "_over",
        "_stale",
        "_state",
        "_waiting",
        "due_ms",
        "partial",
    )

    def __init__(self) -> None:
        self._state = _State.IDLE
        self._number = 0
        self._waiting: list[int | None] = []
        self._over = True
        self._stale = False
        self.partial = ""
        """Words of the running utterance so far."""
        self.due_ms: float | None = None
        """When the words asked for are given up; None if none were asked for."""

    @property
    def settled(self) -> bool:
        """Whether no words are to be expected."""
        return self._over and self.due_ms is None

    def begin(self, sample: int | None) -> list[Command]:
        """The caller speaks from `sample` on; None is from now on."""
        self._over = False
        self.due_ms = None
        if self._state is _State.CLOSING:
            self._waiting = [sample]
            self.partial = ""
            return []
        return self._open(sample)

    def end(self, due_ms: float) -> list[Command]:
        """The caller paused: the words are wanted by then."""
        if self._over:
            return []
        self._over = True
        self.due_ms = due_ms
        return self._close()

    def hear(self, utterance: int, text: str) -> None:
        """Note words heard so far."""
        if utterance == self._number and self._state is _State.OPEN:
            self.partial = text

    def take_final(self, utterance: int, text: str) -> tuple[str, list[Command]]:
        """Words of an utterance that count, and what to do next.

        Words that come after they were given up count no more. Those of an utterance that was
        followed at once by another do.
        """
        if utterance != self._number or self._state is not _State.CLOSING:
            return "", []
        self._state = _State.IDLE
        self.partial = ""
        if self._waiting:
            counts = not self._stale
            commands = self._open(self._waiting.pop())
            return text if counts else "", commands + (self._close() if self._over else [])
        wanted = self.due_ms is not None
        self.due_ms = None
        return (text if wanted else ""), []

    def awaits(self, utterance: int) -> bool:
        """Whether the words of this utterance are still wanted."""
        return utterance == self._number and self._state is _State.CLOSING and not self._stale

    def give_up(self) -> str:
        """Stop waiting; the words heard so far."""
        self.due_ms = None
        self._waiting.clear()
        self._stale = True
        text, self.partial = self.partial, ""
        return text

    def _open(self, sample: int | None) -> list[Command]:
        self._number += 1
        self._state = _State.OPEN
        self._stale = False
        self.partial = ""
        return [StartUtterance(self._number, sample)]

    def _close(self) -> list[Command]:
        if self._state is not _State.OPEN:
            return []
        self._state = _State.CLOSING
        return [AskForFinal(self._number)]
