"""What the turn machine asks for. The session carries each out at once, in order.

A reply goes through StartReply, then either CommitReply or CancelReply. Between the two nothing of
it is heard and the dialog has not counted it: it is speculation, free to be thrown away.
"""

from dataclasses import dataclass
from enum import StrEnum

from switchboard_agent.turn.events import PlaybackFinished
from switchboard_contract.call_events import Outcome


class ReplyKind(StrEnum):
    """Why the agent speaks."""

    GREETING = "greeting"
    TURN = "turn"
    """An answer to what the caller said or keyed."""
    NO_INPUT = "no_input"
    """The caller has been silent."""
    DISCLOSURE = "disclosure"
    """What every caller must be told, after the greeting."""
    FILLER = "filler"
    """The answer is slow; it follows."""
    NOT_TRANSFERRED = "not_transferred"
    """Nobody took the caller over."""


CANNED = frozenset({ReplyKind.DISCLOSURE, ReplyKind.FILLER, ReplyKind.NOT_TRANSFERRED})
"""Kinds whose words the machine itself gives; the dialog is not asked for them."""


@dataclass(frozen=True, slots=True)
class StartUtterance:
    """Open the recogniser; audio from a little before `from_sample` belongs to the utterance."""

    utterance: int
    from_sample: int | None
    """Index of the first voiced sample; None is from now on."""


@dataclass(frozen=True, slots=True)
class AskForFinal:
    """Close the utterance; the answer comes as `Final`."""

    utterance: int


@dataclass(frozen=True, slots=True)
class JudgeEnd:
    """Judge by ear whether the caller is done; the answer comes as `EndJudged`."""

    judgement: int
    from_sample: int | None
    """Where the turn began in the caller's audio; None if that is not known."""


@dataclass(frozen=True, slots=True)
class StartReply:
    """Make a reply ready: ask the dialog, synthesise the first audio."""

    reply: int
    kind: ReplyKind
    text: str = ""
    """What the caller said; of a canned reply, its own words."""
    dtmf: str = ""
    speculative: bool = False
    """Begun before the caller's turn was over: it may be thrown away."""


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Throw away a reply that was not committed."""

    reply: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller's turn is over; comes right before its reply is committed."""

    turn: int
    text: str
    dtmf: str
    speech_ended_ms: float
    """When the last voiced sample came in, or the last key was pressed."""
    endpointing_ms: float
    """From there to the decision that the turn is over."""


@dataclass(frozen=True, slots=True)
class CommitReply:
    """Say it: the dialog counts the turn, playback starts now."""

    reply: int
    turn: int
    kind: ReplyKind
    speech_ended_ms: float | None
    """Start of the turn latency; None where no turn is answered, or where the answer had to wait
    for the agent to finish speaking."""


@dataclass(frozen=True, slots=True)
class PausePlayback:
    """Be silent at once; the rest of the reply stays."""

    onset_ms: float
    """When the sound that caused it began."""


@dataclass(frozen=True, slots=True)
class ResumePlayback:
    """Go on at the exact sample."""

    backchannel: bool
    """Whether the caller showed to be listening; else it was noise."""


@dataclass(frozen=True, slots=True)
class FlushPlayback:
    """The reply was interrupted: drop what is left of it."""

    reply: int
    onset_ms: float
    """When the interruption began."""


@dataclass(frozen=True, slots=True)
class SendKeys:
    """Press telephone keys towards the caller."""

    keys: str
    then: PlaybackFinished
    """To be told when that is over, whether or not they could be sent."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the caller over; the answer comes as `TransferEnded`."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call. Nothing follows."""

    outcome: Outcome


Command = (
    StartUtterance
    | AskForFinal
    | JudgeEnd
    | StartReply
    | CancelReply
    | TurnEnded
    | CommitReply
    | PausePlayback
    | ResumePlayback
    | FlushPlayback
    | SendKeys
    | Transfer
    | HangUp
)
