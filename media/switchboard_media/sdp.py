"""Session descriptions of RFC 8866: the text that says where and how media flows.

Parsed into what an audio call needs (address, port, formats, direction, packet time) with all
other attributes kept in order, so that a description can be written back. Lines that an audio
endpoint has no use for (`i=`, `u=`, `b=`, `k=` ...) are read over. `parse` raises
`MalformedSdp` and nothing else. Who may answer what is in `sdp_audio`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from switchboard_media.errors import MalformedSdp

MAX_BYTES: Final = 16_384
"""Larger than any real offer (a WebRTC one has about 6,000), small enough to parse at once."""
MAX_MEDIA: Final = 32
MAX_PAYLOAD_TYPE: Final = 127
_MAX_PORT: Final = 65_535
_MAX_NUMBER: Final = 1 << 63
_DIGITS: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`{|}~A-Za-z0-9/]+", re.ASCII)
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.:_\-]{1,255}", re.ASCII)


class Direction(StrEnum):
    """Which way media flows, as seen by the side that wrote the description."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the writer sends."""
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        """Whether the writer receives."""
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    @property
    def mirrored(self) -> "Direction":
        """The same flow as seen by the other side."""
        return _MIRRORED.get(self, self)


_DIRECTIONS: Final = {str(d): d for d in Direction}
_MIRRORED: Final = {
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
}


@dataclass(frozen=True, slots=True)
class RtpMap:
    """What one payload type number means."""

    payload_type: int
    encoding: str
    clock_rate_hz: int
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` line with its own lines."""

    kind: str
    port: int
    """0 = refused or ended."""
    protocol: str = "RTP/AVP"
    formats: tuple[str, ...] = ()
    """Payload type numbers, best first (other words for other protocols)."""
    address: str | None = None
    """None = the session's."""
    direction: Direction | None = None
    """None = the session's, else `sendrecv`."""
    rtpmaps: tuple[RtpMap, ...] = ()
    fmtp: tuple[tuple[int, str], ...] = ()
    ptime_ms: int | None = None
    attributes: tuple[tuple[str, str | None], ...] = ()
    """All attributes that have no field above, in order."""

    def rtpmap(self, payload_type: int) -> RtpMap | None:
        """The mapping of a payload type, if a line gives one."""
        return next((m for m in self.rtpmaps if m.payload_type == payload_type), None)

    @property
    def payload_types(self) -> tuple[int, ...]:
        """The formats that are payload types, best first."""
        numbers = (int(f) for f in self.formats if _DIGITS.fullmatch(f))
        return tuple(n for n in numbers if n <= MAX_PAYLOAD_TYPE)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description."""

    origin_address: str
    media: tuple[Media, ...]
    session_id: int = 0
    session_version: int = 0
    """Grows by one with each change in a call (RFC 3264 section 8)."""
    username: str = "-"
    name: str = "-"
    address: str | None = None
    """Connection address of the session."""
    direction: Direction | None = None
    attributes: tuple[tuple[str, str | None], ...] = ()

    def address_of(self, media: Media) -> str | None:
        """Where this media is received."""
        return media.address or self.address

    def direction_of(self, media: Media) -> Direction:
        """Which way this media flows."""
        return media.direction or self.direction or Direction.SENDRECV


def serialize(description: SessionDescription) -> bytes:
    """The description as a message body."""
    return "".join(f"{line}\r\n" for line in _lines(description)).encode()


def _lines(description: SessionDescription) -> Iterator[str]:
    origin = description.origin_address
    yield "v=0"
    yield (
        f"o={description.username} {description.session_id} {description.session_version} "
        f"IN {_address_type(origin)} {origin}"
    )
    yield f"s={description.name}"
    if description.address is not None:
        yield f"c=IN {_address_type(description.address)} {description.address}"
    yield "t=0 0"
    yield from _attribute_lines(description.direction, description.attributes)
    for media in description.media:
        yield from _media_lines(media)


def _media_lines(media: Media) -> Iterator[str]:
    yield f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}"
    if media.address is not None:
        yield f"c=IN {_address_type(media.address)} {media.address}"
    for m in media.rtpmaps:
        channels = f"/{m.channels}" if m.channels != 1 else ""
        yield f"a=rtpmap:{m.payload_type} {m.encoding}/{m.clock_rate_hz}{channels}"
    for payload_type, parameters in media.fmtp:
        yield f"a=fmtp:{payload_type} {parameters}"
    if media.ptime_ms is not None:
        yield f"a=ptime:{media.ptime_ms}"
    yield from _attribute_lines(media.direction, media.attributes)


def _attribute_lines(
    direction: Direction | None, attributes: Iterable[tuple[str, str | None]]
) -> Iterator[str]:
    for name, value in attributes:
        yield f"a={name}" if value is None else f"a={name}:{value}"
    if direction is not None:
        yield f"a={direction}"


def _address_type(address: str) -> str:
    return "IP6" if ":" in address else "IP4"


def parse(body: bytes) -> SessionDescription:
    """A message body as a description."""
    session, sections = _split(body)
    if not session or session[0] != ("v", "0"):
        raise MalformedSdp("does not start with v=0")
    fields = dict(reversed(session))
    if "o" not in fields:
        raise MalformedSdp("no o= line")
    username, session_id, version, origin_address = _origin(fields["o"])
    direction, attributes = _session_attributes(value for key, value in session if key == "a")
    return SessionDescription(
        origin_address=origin_address,
        media=tuple(_media(section) for section in sections),
        session_id=session_id,
        session_version=version,
        username=username,
        name=fields.get("s", "-"),
        address=_connection(fields["c"]) if "c" in fields else None,
        direction=direction,
        attributes=attributes,
    )


_Line = tuple[str, str]


def _split(body: bytes) -> tuple[list[_Line], list[list[_Line]]]:
    """Lines of the session and of each media section."""
    if len(body) > MAX_BYTES:
        raise MalformedSdp(f"larger than {MAX_BYTES} bytes")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedSdp("not UTF-8") from None
    if "\0" in text:
        raise MalformedSdp("holds a NUL")
    current: list[_Line] = []
    session, sections = current, []
    # Not `splitlines`: it also splits at characters that may stand inside a value.
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            continue
        if line[1:2] != "=":
            raise MalformedSdp("a line is not of the form x=value")
        if line[0] == "m":
            current = []
            sections.append(current)
        current.append((line[0], line[2:]))
    if len(sections) > MAX_MEDIA:
        raise MalformedSdp(f"more than {MAX_MEDIA} m= lines")
    return session, sections


def _origin(value: str) -> tuple[str, int, int, str]:
    match value.split():
        case [username, session_id, version, _, _, address]:
            return username, _number(session_id, "o="), _number(version, "o="), _address(address)
        case _:
            raise MalformedSdp("o= needs six fields")


def _connection(value: str) -> str:
    match value.split():
        case ["IN", "IP4" | "IP6", address]:
            # A multicast address may carry /ttl; a call has no use for it.
            return _address(address.partition("/")[0])
        case _:
            raise MalformedSdp("c= is not IN IP4 or IN IP6 and an address")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise MalformedSdp("an address holds characters that no address has")
    return value


def _number(value: str, where: str, *, limit: int = _MAX_NUMBER) -> int:
    if not _DIGITS.fullmatch(value) or int(value) > limit:
        raise MalformedSdp(f"{where} holds no number where one must be")
    return int(value)


def _attribute(value: str) -> tuple[str, str | None]:
    name, colon, rest = value.partition(":")
    if not _TOKEN.fullmatch(name):
        raise MalformedSdp("an attribute has no name")
    return name, rest if colon else None


def _direction(name: str, value: str | None) -> Direction | None:
    return _DIRECTIONS.get(name) if value is None else None


def _session_attributes(
    values: Iterable[str],
) -> tuple[Direction | None, tuple[tuple[str, str | None], ...]]:
    direction: Direction | None = None
    rest: list[tuple[str, str | None]] = []
    for value in values:
        name, argument = _attribute(value)
        found = _direction(name, argument)
        if found is None:
            rest.append((name, argument))
        direction = found or direction
    return direction, tuple(rest)


def _media(lines: list[_Line]) -> Media:
    kind, port, protocol, formats = _media_line(lines[0][1])
    rtpmaps: list[RtpMap] = []
    fmtp: list[tuple[int, str]] = []
    rest: list[str] = []
    ptime_ms: int | None = None
    for value in (v for key, v in lines[1:] if key == "a"):
        match _attribute(value):
            case ("rtpmap", str(argument)):
                rtpmaps.append(_rtpmap(argument))
            case ("fmtp", str(argument)):
                number, _, parameters = argument.partition(" ")
                fmtp.append((_number(number, "fmtp", limit=MAX_PAYLOAD_TYPE), parameters.strip()))
            case ("ptime", str(argument)):
                # Some send fractions ("20.0"), which RFC 8866 no longer has.
                ptime_ms = _number(argument.strip().partition(".")[0], "ptime", limit=10_000)
            case _:
                rest.append(value)
    direction, attributes = _session_attributes(rest)
    connection = next((v for key, v in lines[1:] if key == "c"), None)
    return Media(
        kind=kind,
        port=port,
        protocol=protocol,
        formats=formats,
        address=None if connection is None else _connection(connection),
        direction=direction,
        rtpmaps=tuple(rtpmaps),
        fmtp=tuple(fmtp),
        ptime_ms=ptime_ms,
        attributes=attributes,
    )


def _media_line(value: str) -> tuple[str, int, str, tuple[str, ...]]:
    words = value.split()
    if len(words) < 4:  # noqa: PLR2004 - kind, port, protocol and at least one format
        raise MalformedSdp("m= needs a kind, a port, a protocol and a format")
    kind, port, protocol, *formats = words
    if not all(_TOKEN.fullmatch(word) for word in (kind, protocol, *formats)):
        raise MalformedSdp("m= holds characters that no token has")
    # "port/count" asks for several ports; a call uses the first.
    return kind, _number(port.partition("/")[0], "m=", limit=_MAX_PORT), protocol, tuple(formats)


def _rtpmap(value: str) -> RtpMap:
    number, _, mapping = value.partition(" ")
    match mapping.strip().split("/"):
        case [encoding, rate]:
            channels = "1"
        case [encoding, rate, channels]:
            pass
        case _:
            raise MalformedSdp("rtpmap is not number, encoding and clock rate")
    if not _TOKEN.fullmatch(encoding):
        raise MalformedSdp("rtpmap has no encoding name")
    return RtpMap(
        payload_type=_number(number, "rtpmap", limit=MAX_PAYLOAD_TYPE),
        encoding=encoding,
        clock_rate_hz=_number(rate, "rtpmap"),
        channels=_number(channels, "rtpmap", limit=255),
    )
