"""One media stream's rules: what may come when, and how much of it. Sans I/O; time is passed in.

    connected -> start -> (media | dtmf | mark)* -> stop

TCP neither loses nor reorders, so a sequence number that does not go up is no accident. Sound
cannot come faster than it is spoken: what a network held back for a while may come at once, but the
sum stays within the time that has passed. A peer that breaks a rule costs its own stream only.
"""

from dataclasses import dataclass
from enum import Enum

from switchboard_agent.transport.twilio.messages import (
    Connected,
    Digit,
    Fault,
    MarkReached,
    Media,
    Message,
    Started,
    Stopped,
    StreamError,
    Unknown,
    parse,
)

BYTES_PER_SECOND = 8000
"""Of 8 kHz mu-law."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What one peer may do."""

    message_bytes: int = 16 * 1024
    """Longest message; one second of sound takes 11 kB."""
    messages_per_second: float = 150.0
    """Three times the messages of a call, in the long run."""
    messages_at_once: float = 1000.0
    """Twenty seconds of sound that a network held back."""
    ahead_seconds: float = 5.0
    """Sound that may come before its time. Twilio's clock and ours differ by far less."""
    start_seconds: float = 5.0
    """Time from the open socket to `start`; Twilio takes milliseconds."""


class _Stage(Enum):
    OPEN = "open"
    CONNECTED = "connected"
    STREAMING = "streaming"
    OVER = "over"


class StreamProtocol:
    """One stream, from the open socket on."""

    def __init__(self, limits: StreamLimits, now: float) -> None:
        """`now` is monotonic seconds, as in `receive`."""
        self._limits = limits
        self._stage = _Stage.OPEN
        self._stream_sid = ""
        self._sequence = 0
        self._tokens = limits.messages_at_once
        self._filled_at = now
        self._started_at = now
        self._sound_bytes = 0

    def receive(self, text: str, now: float) -> Message:
        """Take one message, and say what it is. Raises `StreamError`."""
        self._count(now)
        if len(text) > self._limits.message_bytes:
            raise StreamError(Fault.TOO_LONG, "a message is too long")
        message = parse(text)
        if self._stage is _Stage.STREAMING:
            self._go_on(message, now)
        elif self._stage is _Stage.OPEN and isinstance(message, Connected):
            self._stage = _Stage.CONNECTED
        elif self._stage is _Stage.CONNECTED and isinstance(message, Started):
            self._begin(message, now)
        else:
            raise StreamError(Fault.ORDER, f"a message came while {self._stage.value}")
        return message

    def _begin(self, start: Started, now: float) -> None:
        self._stage = _Stage.STREAMING
        self._stream_sid = start.stream_sid
        self._sequence = start.sequence
        self._started_at = now

    def _go_on(self, message: Message, now: float) -> None:
        match message:
            case Media():
                self._check(message)
                self._count_sound(len(message.payload), now)
            case Digit() | MarkReached():
                self._check(message)
            case Stopped():
                self._check(message)
                self._stage = _Stage.OVER
            case Connected() | Started():
                raise StreamError(Fault.ORDER, "a stream began twice")
            case Unknown():
                pass

    def _check(self, message: Media | Digit | MarkReached | Stopped) -> None:
        if message.stream_sid != self._stream_sid:
            raise StreamError(Fault.OTHER_STREAM, "a message is of another stream")
        if message.sequence <= self._sequence:
            raise StreamError(Fault.SEQUENCE, "a sequence number does not go up")
        self._sequence = message.sequence

    def _count(self, now: float) -> None:
        limits = self._limits
        fresh = (now - self._filled_at) * limits.messages_per_second
        self._tokens = min(limits.messages_at_once, self._tokens + fresh) - 1
        self._filled_at = now
        if self._tokens < 0:
            raise StreamError(Fault.TOO_FAST, "messages come too fast")

    def _count_sound(self, count: int, now: float) -> None:
        self._sound_bytes += count
        allowed = now - self._started_at + self._limits.ahead_seconds
        if self._sound_bytes > allowed * BYTES_PER_SECOND:
            raise StreamError(Fault.TOO_FAST, "sound comes faster than it can be spoken")
