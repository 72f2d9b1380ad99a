"""The agent's side of turn-taking: its voice, and a reply before and after it is committed."""

from dataclasses import dataclass
from enum import Enum, auto

from switchboard_agent.turn.commands import ReplyKind


class Mouth(Enum):
    """What the agent's voice is doing."""

    SILENT = auto()
    SPEAKING = auto()
    PAUSED = auto()
    """A sound of the caller is being judged."""
    KEYING = auto()
    """Keys are pressed, which the caller does not interrupt."""


@dataclass(slots=True)
class Pending:
    """Being made ready; nobody has heard of it."""

    reply: int
    kind: ReplyKind
    text: str
    dtmf: str
    """What it answers."""
    due_ms: float
    """Not ready by then, it has failed."""
    attempt: int
    ready: bool = False
    end_call: bool = False
    protected: bool = False
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """Being said."""

    reply: int
    kind: ReplyKind
    end_call: bool
    protected: bool
