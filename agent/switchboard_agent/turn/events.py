"""What can happen in a call, as the turn machine is told.

Times named `at_ms` are on the call's clock (milliseconds since it started) and say when the thing
was true in the audio, which is earlier than when it was noticed. Utterances and replies are named
by the numbers the machine gave them, so that a late answer to a dropped question is recognised.
"""

from dataclasses import dataclass

from switchboard_agent.transport.base import CloseReason


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """Both ways of audio are open."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The detector hears the caller speak."""

    at_ms: float
    sample: int
    """Index of the first voiced sample in the caller's audio."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The detector hears the caller pause."""

    at_ms: float
    """When the last voiced sample came in."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Words heard so far in a running utterance."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """All words of an utterance; empty if none, or if the recogniser failed."""

    utterance: int
    text: str
    failed: bool = False
    """The recogniser failed: that there are no words says nothing about the sound."""


@dataclass(frozen=True, slots=True)
class EndJudged:
    """How likely the caller is done, by ear."""

    judgement: int
    finished: float
    """Probability, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ReplyReady:
    """A reply is known and its first audio lies ready: committing it is heard at once."""

    reply: int
    end_call: bool = False
    protected: bool = False
    """It is said to its end, whatever the caller says or keys."""
    hold: bool = False
    """The caller asked to wait: the next silence may last longer."""


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """Dialog or synthesiser failed on a reply that is not committed."""

    reply: int


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """The last sample of the committed reply has been played."""

    reply: int
    end_call: bool = False
    """The call ends with it: known only now where the reply was spoken while it was written."""
    transfer: bool = False
    """The caller is now to be put through."""
    keys: str = ""
    """To be pressed first; then this comes again, without them."""


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """A human has taken the caller over, or will not."""

    succeeded: bool


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """No audio frame has come in for this long: not silence, nothing."""

    for_ms: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; sent at `TurnMachine.deadline_ms`."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The transport ended by itself."""

    reason: CloseReason


Event = (
    CallAnswered
    | SpeechStarted
    | SpeechEnded
    | Partial
    | Final
    | EndJudged
    | ReplyReady
    | ReplyFailed
    | PlaybackFinished
    | TransferEnded
    | Dtmf
    | MediaSilent
    | Tick
    | Closed
)
