"""SIP messages of RFC 3261 section 7: datagram to request or response, and back.

`parse` takes what a datagram may hold: compact header names, folded lines, several values in
one line, a body cut to its Content-Length. It makes sure of what every later step needs (Via,
From, To, Call-ID, CSeq and that they can be read), so that code behind it reads the properties
without guarding each one. It raises `MalformedMessage` and nothing else.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.grammar import TOKEN, number, split_outside
from switchboard_media.sip.headers import (
    CSeq,
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_via,
)

MAX_BYTES: Final = 65_535
"""The largest UDP datagram."""
MAX_HEADERS: Final = 200
MAX_LINE: Final = 8192
VERSION: Final = "SIP/2.0"

_COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
}
_LISTS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "alert-info",
        "allow",
        "allow-events",
        "call-info",
        "contact",
        "content-encoding",
        "content-language",
        "error-info",
        "in-reply-to",
        "path",
        "proxy-require",
        "record-route",
        "require",
        "route",
        "supported",
        "unsupported",
        "via",
        "warning",
    }
)
"""Headers whose value is a comma-separated list. All others may hold bare commas."""
_SINGLE: Final = ("From", "To", "Call-ID", "CSeq")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_LINE_END: Final = re.compile(r"\r?\n")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CALL_ID: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,512}")
_STATUS: Final = re.compile(r"[1-6][0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Headers:
    """Header lines in order. Names compare without regard to case, compact names with long."""

    items: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """The first line of this name."""
        wanted = _canonical(name).lower()
        return next((value for key, value in self.items if key.lower() == wanted), None)

    def lines(self, name: str) -> tuple[str, ...]:
        """All lines of this name."""
        wanted = _canonical(name).lower()
        return tuple(value for key, value in self.items if key.lower() == wanted)

    def values(self, name: str) -> tuple[str, ...]:
        """All values of this name, lists taken apart."""
        lines = self.lines(name)
        if _canonical(name).lower() not in _LISTS:
            return lines
        return tuple(value for line in lines for value in split_outside(line, ",") if value)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def having(self, name: str, value: str) -> "Headers":
        """The same with this one line of the name, in the place of the first old one."""
        wanted = _canonical(name)
        old = [key.lower() for key, _ in self.items]
        rest = self.without(wanted).items
        place = old.index(wanted.lower()) if wanted.lower() in old else len(rest)
        return Headers((*rest[:place], (wanted, value), *rest[place:]))

    def without(self, *names: str) -> "Headers":
        """The same less all lines of these names."""
        unwanted = {_canonical(name).lower() for name in names}
        return Headers(tuple(item for item in self.items if item[0].lower() not in unwanted))

    def plus(self, items: Iterable[tuple[str, str]]) -> "Headers":
        """The same with more lines at the end."""
        return Headers((*self.items, *items))


class _Common:
    """What requests and responses share: the readable headers that `parse` made sure of."""

    __slots__ = ()

    headers: Headers

    @property
    def vias(self) -> tuple[Via, ...]:
        """The way back, nearest hop first."""
        return tuple(parse_via(value) for value in self.headers.values("Via"))

    @property
    def via(self) -> Via:
        """The nearest hop."""
        return parse_via(self.headers.values("Via")[0])

    @property
    def sender(self) -> NameAddr:
        """From."""
        return parse_name_addr(self.headers.get("From") or "")

    @property
    def recipient(self) -> NameAddr:
        """To."""
        return parse_name_addr(self.headers.get("To") or "")

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.headers.get("Call-ID") or ""

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        return parse_cseq(self.headers.get("CSeq") or "")

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None where absent or a star. May raise `MalformedMessage`."""
        values = self.headers.values("Contact")
        return parse_name_addr(values[0]) if values and values[0] != "*" else None

    @property
    def content_type(self) -> str:
        """Media type of the body in lower case, without parameters."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Request(_Common):
    """A request."""

    method: str
    uri: str
    """The request URI as it stood; `uri.parse_uri` reads it."""
    headers: Headers
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _serialize(f"{self.method} {self.uri} {VERSION}", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response(_Common):
    """A response."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    @property
    def final(self) -> bool:
        """Whether nothing follows it."""
        return self.status >= 200  # noqa: PLR2004 - the border in RFC 3261 7.2

    @property
    def success(self) -> bool:
        """Whether it is a 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class in RFC 3261 7.2

    def __bytes__(self) -> bytes:
        return _serialize(f"{VERSION} {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


def is_keepalive(data: bytes) -> bool:
    """Whether a datagram only keeps a NAT open (RFC 5626 3.5.1): to be ignored."""
    return not data.strip(b"\r\n\0")


def received_from(request: Request, host: str, port: int) -> Request:
    """The request with its nearest Via marked with where it really came from."""
    first, *others = request.headers.values("Via")
    vias = [str(parse_via(first).seen_from(host, port)), *others]
    return replace(request, headers=request.headers.having("Via", ", ".join(vias)))


def _canonical(name: str) -> str:
    return _COMPACT.get(name.lower(), name)


def _serialize(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start]
    lines += [f"{name}: {value}" for name, value in headers.without("Content-Length").items]
    lines.append(f"Content-Length: {len(body)}")
    if any(_CONTROL.search(line) for line in lines):
        raise ValueError("a header to be sent holds a control character; strip it first")
    return "\r\n".join([*lines, "", ""]).encode() + body


def parse(data: bytes) -> Message:
    """One datagram as a message."""
    if len(data) > MAX_BYTES:
        raise MalformedMessage(f"larger than {MAX_BYTES} bytes")
    data = data.lstrip(b"\r\n")
    end = _END_OF_HEAD.search(data)
    if end is None:
        raise MalformedMessage("the headers do not end")
    try:
        head = data[: end.start()].decode()
    except UnicodeDecodeError:
        raise MalformedMessage("headers are not UTF-8") from None
    start, *lines = _LINE_END.split(head)
    headers = Headers(tuple(_header(line) for line in _unfolded(lines)))
    body = _body(headers, data[end.end() :])
    message = _message(start, headers, body)
    _check(message)
    return message


def _unfolded(lines: list[str]) -> list[str]:
    """Lines with their continuations (RFC 3261 7.3.1)."""
    unfolded: list[list[str]] = []
    for line in lines:
        if not line.startswith((" ", "\t")):
            unfolded.append([line])
        elif unfolded:
            unfolded[-1].append(line.strip())
        else:
            raise MalformedMessage("a continuation follows no header")
    if len(unfolded) > MAX_HEADERS:
        raise MalformedMessage(f"more than {MAX_HEADERS} headers")
    return [" ".join(parts) for parts in unfolded]


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name = name.rstrip(" \t")
    if not colon or not TOKEN.fullmatch(name):
        raise MalformedMessage("a header is not of the form name: value")
    if len(line) > MAX_LINE:
        raise MalformedMessage(f"a header is longer than {MAX_LINE}")
    if _CONTROL.search(value):
        raise MalformedMessage("a header holds a control character")
    return _canonical(name), value.strip()


def _body(headers: Headers, rest: bytes) -> bytes:
    """What Content-Length leaves of the datagram (RFC 3261 18.3)."""
    lengths = {number(v, "Content-Length", limit=MAX_BYTES) for v in headers.lines("l")}
    if not lengths:
        return rest
    if len(lengths) > 1:
        raise MalformedMessage("two different Content-Length headers")
    length = lengths.pop()
    if length > len(rest):
        raise MalformedMessage("the body is shorter than Content-Length")
    return rest[:length]


def _message(start: str, headers: Headers, body: bytes) -> Message:
    if len(start) > MAX_LINE or _CONTROL.search(start):
        raise MalformedMessage("the start line is too long or holds a control character")
    first, _, rest = start.partition(" ")
    if first.upper() == VERSION:
        status, _, reason = rest.partition(" ")
        if not _STATUS.fullmatch(status):
            raise MalformedMessage("the status code is not one")
        return Response(int(status), reason.strip(), headers, body)
    uri, _, version = rest.partition(" ")
    if version.upper() != VERSION or not uri or not TOKEN.fullmatch(first):
        raise MalformedMessage("the start line is neither a request's nor a response's")
    return Request(first, uri, headers, body)


def _check(message: Message) -> None:
    for name in _SINGLE:
        if len(message.headers.lines(name)) != 1:
            raise MalformedMessage(f"{name} must stand exactly once")
    if not message.headers.values("Via"):
        raise MalformedMessage("no Via")
    if not _CALL_ID.fullmatch(message.call_id):
        raise MalformedMessage("Call-ID is empty or not one word")
    cseq, _, _, _ = message.cseq, message.vias, message.sender, message.recipient
    if isinstance(message, Request) and cseq.method != message.method:
        raise MalformedMessage("CSeq names another method")
