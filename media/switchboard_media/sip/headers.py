"""The header values a call turns on: Via, From, To, Contact, Route and CSeq.

Each has a parser that raises `MalformedMessage` only, and writes itself with `str`.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Final

from typing_extensions import override

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.grammar import TOKEN, Params, number, parse_params, quote, unquote
from switchboard_media.sip.uri import (
    DEFAULT_PORT,
    MAX_PORT,
    Uri,
    format_host_port,
    parse_host_port,
    parse_uri,
)

BRANCH_COOKIE: Final = "z9hG4bK"
"""A branch that starts so names its transaction by itself (RFC 3261 17.2.3)."""
MAX_CSEQ: Final = (1 << 31) - 1
_VIA: Final = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-]+)\s+([^\s;,]+)\s*(;.*)?", re.ASCII)
_NAME_ADDR: Final = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^"<>])*)<([^<>]*)>(.*)')


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route: a URI with a name before and parameters after."""

    uri: Uri
    display_name: str = ""
    params: Params = field(default_factory=Params)

    @property
    def tag(self) -> str | None:
        """The side's half of the dialog's name."""
        return self.params.get("tag")

    def with_tag(self, tag: str) -> "NameAddr":
        """The same with this tag."""
        return replace(self, params=self.params.having("tag", tag))

    @override
    def __str__(self) -> str:
        name = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{self.params}"


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of the way back."""

    transport: str
    host: str
    port: int | None = None
    params: Params = field(default_factory=Params)

    @property
    def branch(self) -> str:
        """The transaction's name; empty where a very old peer gives none."""
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as the sender claims them."""
        return format_host_port(self.host, self.port)

    def seen_from(self, host: str, port: int) -> "Via":
        """What a server adds on receipt (RFC 3261 18.2.1, RFC 3581)."""
        params = self.params
        wants_port = "rport" in params
        if wants_port:
            params = params.having("rport", str(port))
        if wants_port or host != self.host.strip("[]"):
            params = params.having("received", host)
        return replace(self, params=params)

    @property
    def reply_to(self) -> tuple[str, int]:
        """Where the response goes over UDP (RFC 3261 18.2.2, RFC 3581).

        `maddr` is not followed: it is for multicast, and would let a stranger aim our answers.
        """
        host = self.params.get("received") or self.host.strip("[]")
        rport = self.params.get("rport")
        if rport:
            return host, number(rport, "rport", limit=MAX_PORT)
        return host, self.port or DEFAULT_PORT

    @override
    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{self.params}"


@dataclass(frozen=True, slots=True)
class CSeq:
    """A request's number in its dialog, and its method."""

    number: int
    method: str

    @override
    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_name_addr(text: str) -> NameAddr:
    """`"Name" <uri>;params`, or a bare URI whose parameters belong to the header."""
    text = text.strip()
    if "<" not in text:
        uri, semicolon, params = text.partition(";")
        return NameAddr(parse_uri(uri.strip()), params=parse_params(semicolon + params))
    matched = _NAME_ADDR.fullmatch(text)
    if matched is None:
        raise MalformedMessage("a name and address are not of the form name <uri>")
    name, uri, params = matched.groups()
    return NameAddr(parse_uri(uri.strip()), unquote(name.strip()), parse_params(params))


def parse_via(text: str) -> Via:
    """One Via value."""
    matched = _VIA.fullmatch(text.strip())
    if matched is None:
        raise MalformedMessage("a Via is not SIP/2.0/transport host")
    transport, sent_by, params = matched.groups()
    host, port = parse_host_port(sent_by)
    via = Via(transport.upper(), host, port, parse_params(params or ""))
    rport = via.params.get("rport")
    if rport:
        number(rport, "rport", limit=MAX_PORT)
    return via


def parse_cseq(text: str) -> CSeq:
    """A CSeq value."""
    match text.split():
        case [digits, method] if TOKEN.fullmatch(method):
            return CSeq(number(digits, "CSeq", limit=MAX_CSEQ), method)
        case _:
            raise MalformedMessage("CSeq is not a number and a method")
