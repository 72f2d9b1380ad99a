"""Holds a live call to the promises of turn-taking, whatever goes wrong around the machine.

The promises are tested on virtual time against any order of events. A live call has more that can
break: a timer that is lost, a synthesiser that hands out half a word and hangs, a wire that takes
frames nobody meant to send. So every call has a watchdog that is told what happens, like the
machine, and looks now and then:

    deaf        the caller speaks, the agent is silent, and nobody listens
    mute        what the machine wanted to do two seconds ago it was not called for
    stuck       the agent is said to speak, and no sample has left for two seconds
    twice       a second reply to the same turn
    after_flush a frame of a reply that was flushed, or that is paused

Each is counted and logged, and the call is brought back: the last two by not letting them happen,
the others by what `look` asks for. It is sans-I/O: time and facts come in, remedies go out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from switchboard_agent.turn.commands import (
    Command,
    CommitReply,
    FlushPlayback,
    PausePlayback,
    ReplyKind,
    ResumePlayback,
)

LOOK_EVERY_MS = 500.0
_PATIENCE_MS = 2000.0


class Alarm(StrEnum):
    """A promise that did not hold by itself."""

    DEAF = "deaf"
    MUTE = "mute"
    STUCK = "stuck"
    TWICE = "twice"
    AFTER_FLUSH = "after_flush"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a call at one moment."""

    now_ms: float
    deadline_ms: float
    """When the machine wants to be called next."""
    unheard: bool
    """Whether the caller speaks, the agent is silent and does not listen, and no answer is made."""
    speaking: bool
    """Whether the machine believes that a reply is being said and not paused."""
    waiting_for_part: bool
    """Whether the reply pauses on purpose: its next part is still being written."""


class Watchdog:
    """Watches one call."""

    __slots__ = ("_alarm", "_answered", "_may_sound", "_since", "_sounded_ms")

    def __init__(self, alarm: Callable[[Alarm], None]) -> None:
        self._alarm = alarm
        self._answered = 0
        self._may_sound = False
        self._sounded_ms = 0.0
        self._since: dict[Alarm, float] = {}

    def allows(self, command: Command, now_ms: float) -> bool:
        """Whether the command keeps the promises; one that does not must not be carried out."""
        match command:
            case CommitReply(turn=turn, kind=ReplyKind.TURN):
                if turn <= self._answered:
                    self._alarm(Alarm.TWICE)
                    return False
                self._answered = turn
                self._sounds_from(now_ms)
            case CommitReply() | ResumePlayback():
                self._sounds_from(now_ms)
            case PausePlayback() | FlushPlayback():
                self._may_sound = False
            case _:
                pass
        return True

    def allows_frame(self, now_ms: float) -> bool:
        """Whether a frame of the agent may leave now."""
        if not self._may_sound:
            self._alarm(Alarm.AFTER_FLUSH)
            return False
        self._sounded_ms = now_ms
        return True

    def look(self, sight: Sight) -> Alarm | None:
        """What has gone on for too long, once; the session brings the call back."""
        starved = sight.now_ms - self._sounded_ms >= LOOK_EVERY_MS and not sight.waiting_for_part
        wrong = {
            Alarm.DEAF: sight.unheard,
            Alarm.MUTE: sight.deadline_ms < sight.now_ms,
            Alarm.STUCK: sight.speaking and starved,
        }
        for alarm, is_wrong in wrong.items():
            if not is_wrong:
                self._since.pop(alarm, None)
            elif sight.now_ms - self._since.setdefault(alarm, sight.now_ms) >= _PATIENCE_MS:
                del self._since[alarm]
                self._alarm(alarm)
                return alarm
        return None

    def _sounds_from(self, now_ms: float) -> None:
        self._may_sound = True
        self._sounded_ms = now_ms
