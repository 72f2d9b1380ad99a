"""Messages between a worker and its recogniser processes: pure encoding.

Audio of many utterances shares one pipe, so every message carries the number of its utterance.
A header of nine bytes (kind, number, length; big-endian) precedes the body.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

_HEADER: Final = struct.Struct(">BII")
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""More than any language model needs; a longer message means that the stream is out of step."""


class Kind(IntEnum):
    """What a message says; the first group goes to the recogniser, the second comes back."""

    LOAD = 1
    """Number of a model; body: `pack_parts` of dictionary and language model."""
    FORGET = 2
    """Number of a model."""
    START = 3
    """Number of an utterance; body: number of its model (4 bytes), cepstral mean."""
    AUDIO = 4
    END = 5
    DROP = 6
    LOADED = 20
    PARTIAL = 21
    """Words so far."""
    FINAL = 22
    """Cepstral mean of the caller's line, a line feed, words."""
    FAILED = 23
    """Why: the utterance, or the loading of the model with this number."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    kind: Kind
    number: int
    body: bytes = b""

    def encode(self) -> bytes:
        """The message as bytes."""
        return _HEADER.pack(self.kind, self.number, len(self.body)) + self.body


class WireError(Exception):
    """The other side sent something that is no message: end it and start anew."""


@dataclass(slots=True)
class Parser:
    """Cuts a stream of bytes into messages."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages completed by `data`. Raises `WireError` if the stream is out of step."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            kind, number, length = _HEADER.unpack_from(self._buffer)
            if length > MAX_BODY_BYTES:
                raise WireError(f"message of {length} bytes")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield Message(_kind(kind), number, body)


def _kind(value: int) -> Kind:
    try:
        return Kind(value)
    except ValueError as error:
        raise WireError(f"unknown kind of message: {value}") from error


def pack_parts(first: bytes, second: bytes) -> bytes:
    """Two byte strings in one body."""
    return len(first).to_bytes(4, "big") + first + second


def unpack_parts(body: bytes) -> tuple[bytes, bytes]:
    """The byte strings of `pack_parts`."""
    length = int.from_bytes(body[:4], "big")
    return body[4 : 4 + length], body[4 + length :]
