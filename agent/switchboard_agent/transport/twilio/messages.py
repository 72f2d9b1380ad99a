"""The messages of a Twilio media stream, as typed values: pure, and afraid of everybody.

Anybody who can reach the port may send anything. Whatever comes is either one of these values or a
`StreamError`; nothing else is raised, and nothing of the input stands in an error's text. Numbers
are JSON strings on this wire. A message of an unknown kind is no error: Twilio adds kinds.
"""

import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

MAX_PAYLOAD_BYTES: Final = 8000
"""One second of sound in one message; Twilio sends 20 ms."""
MAX_DIGITS: Final = 12
"""Of a number: 30 years in milliseconds."""
MAX_NAME: Final = 256
"""Characters of an id, a mark or a parameter's name."""
MAX_VALUE: Final = 500
"""Characters of a parameter's value; Twilio allows that for name and value together."""
MAX_PARAMETERS: Final = 16

_MEDIA_FORMAT: Final = ("audio/x-mulaw", 8000, 1)
_KEYS: Final = frozenset("0123456789*#ABCD")


class Fault(StrEnum):
    """What a peer did wrong; label of `switchboard_stream_faults_total`."""

    NOT_TEXT = "not_text"
    """A binary frame, one that is too long, or one that breaks the rules of WebSockets."""
    TOO_LONG = "too_long"
    NOT_JSON = "not_json"
    MALFORMED = "malformed"
    """A field is missing, or of the wrong kind."""
    FORMAT = "format"
    """Another sound than 8 kHz mu-law."""
    ORDER = "order"
    """A message that cannot come now."""
    SEQUENCE = "sequence"
    """A sequence number that does not go up."""
    OTHER_STREAM = "other_stream"
    TOO_FAST = "too_fast"
    """More messages or more sound than time has passed."""
    NO_START = "no_start"
    """No `start` in time."""
    TOKEN = "token"  # noqa: S105  a fault's name
    """No token, or one that is forged, used, out of date or for another call."""


class StreamError(Exception):
    """The peer broke the protocol; the stream is closed."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{detail}; the stream is closed")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message: the socket is open."""


@dataclass(frozen=True, slots=True)
class Started:
    """The second: which call this is."""

    sequence: int
    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str]
    """Of the TwiML's `<Parameter>`s."""


@dataclass(frozen=True, slots=True)
class Media:
    """Sound of the caller."""

    sequence: int
    stream_sid: str
    payload: bytes
    """Mu-law, 8 kHz, without header: 8 bytes a millisecond."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A key of the caller."""

    sequence: int
    stream_sid: str
    digit: str


@dataclass(frozen=True, slots=True)
class MarkReached:
    """Playback reached a mark, or the mark was cleared."""

    sequence: int
    stream_sid: str
    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The call is over, or the stream."""

    sequence: int
    stream_sid: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a kind that this module does not know."""


Message = Connected | Started | Media | Digit | MarkReached | Stopped | Unknown

_Fields = dict[str, object]


def parse(text: str) -> Message:
    """Read one message. Raises `StreamError`."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise StreamError(Fault.NOT_JSON, "a message is not JSON") from None
    if not isinstance(fields, dict):
        raise StreamError(Fault.MALFORMED, "a message is not a JSON object")
    kind = fields.get("event")
    if not isinstance(kind, str):
        raise StreamError(Fault.MALFORMED, "a message does not say its event")
    reader = _READERS.get(kind)
    return Unknown() if reader is None else reader(fields)


def media(stream_sid: str, payload: bytes) -> bytes:
    """Sound of the agent: mu-law bytes."""
    encoded = binascii.b2a_base64(payload, newline=False)
    head = b'{"event":"media","streamSid":"' + stream_sid.encode()
    return head + b'","media":{"payload":"' + encoded + b'"}}'


def mark(stream_sid: str, name: str) -> bytes:
    """A mark after the sound sent so far; it comes back when that has been played."""
    return orjson.dumps({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}})


def clear(stream_sid: str) -> bytes:
    """Drop the sound that has not been played; every mark in it comes back."""
    return orjson.dumps({"event": "clear", "streamSid": stream_sid})


def _connected(_: _Fields) -> Connected:
    return Connected()


def _started(fields: _Fields) -> Started:
    start = _object(fields, "start")
    form = _object(start, "mediaFormat")
    if (form.get("encoding"), form.get("sampleRate"), form.get("channels")) != _MEDIA_FORMAT:
        raise StreamError(Fault.FORMAT, "the stream is not 8 kHz mu-law with one channel")
    return Started(
        sequence=_number(fields, "sequenceNumber"),
        stream_sid=_id(fields, "streamSid"),
        call_sid=_id(start, "callSid"),
        account_sid=_id(start, "accountSid"),
        parameters=_parameters(start),
    )


def _media(fields: _Fields) -> Media:
    text = _object(fields, "media").get("payload")
    if not isinstance(text, str):
        raise StreamError(Fault.MALFORMED, "media has no payload")
    try:
        payload = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise StreamError(Fault.MALFORMED, "a payload is not base64") from None
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise StreamError(Fault.TOO_LONG, f"a payload has more than {MAX_PAYLOAD_BYTES} bytes")
    return Media(_number(fields, "sequenceNumber"), _id(fields, "streamSid"), payload)


def _digit(fields: _Fields) -> Digit:
    digit = _object(fields, "dtmf").get("digit")
    if not isinstance(digit, str) or digit not in _KEYS:
        raise StreamError(Fault.MALFORMED, "dtmf is no key of a phone")
    return Digit(_number(fields, "sequenceNumber"), _id(fields, "streamSid"), digit)


def _mark(fields: _Fields) -> MarkReached:
    name = _string(_object(fields, "mark"), "name", MAX_NAME)
    return MarkReached(_number(fields, "sequenceNumber"), _id(fields, "streamSid"), name)


def _stopped(fields: _Fields) -> Stopped:
    return Stopped(_number(fields, "sequenceNumber"), _id(fields, "streamSid"))


_READERS: Final[Mapping[str, Callable[[_Fields], Message]]] = {
    "connected": _connected,
    "start": _started,
    "media": _media,
    "dtmf": _digit,
    "mark": _mark,
    "stop": _stopped,
}


def _object(fields: _Fields, name: str) -> _Fields:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise StreamError(Fault.MALFORMED, f"{name} is not an object")
    return value


def _string(fields: _Fields, name: str, longest: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise StreamError(
            Fault.MALFORMED, f"{name} is not a string of at most {longest} characters"
        )
    return value


def _id(fields: _Fields, name: str) -> str:
    """Ids go into answers, logs and Redis keys: letters and digits only."""
    value = _string(fields, name, MAX_NAME)
    if not (value.isascii() and value.isalnum()):
        raise StreamError(Fault.MALFORMED, f"{name} is not made of letters and digits")
    return value


def _number(fields: _Fields, name: str) -> int:
    value = fields.get(name)
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdecimal()
        and len(value) <= MAX_DIGITS
    ):
        return int(value)
    raise StreamError(Fault.MALFORMED, f"{name} is not a number in a string")


def _parameters(start: _Fields) -> dict[str, str]:
    found = start.get("customParameters", {})
    if not isinstance(found, dict) or len(found) > MAX_PARAMETERS:
        raise StreamError(Fault.MALFORMED, "customParameters is not a small object")
    for name, value in found.items():
        if len(name) > MAX_NAME or not isinstance(value, str) or len(value) > MAX_VALUE:
            raise StreamError(Fault.MALFORMED, "a parameter is not a short string")
    return found
