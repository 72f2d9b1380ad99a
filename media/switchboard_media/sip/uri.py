"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966), as far as a call needs them.

The user part is kept unescaped, because it is compared with phone numbers; writing escapes it
again. A tel URI is read as a user without a host.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from typing_extensions import override

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.grammar import Params, number, parse_params

DEFAULT_PORT: Final = 5060
DEFAULT_TLS_PORT: Final = 5061
MAX_PORT: Final = 65_535
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,253}[A-Za-z0-9_.])?", re.ASCII)
_HOST6: Final = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]", re.ASCII)
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"
_FORBIDDEN: Final = re.compile(r'[\s<>"\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True)
class Uri:
    """Where a request goes, or who somebody is."""

    scheme: str
    """`sip`, `sips` or `tel`."""
    user: str = ""
    """Without escapes; for tel the number."""
    host: str = ""
    """IPv6 in brackets; empty for tel."""
    port: int | None = None
    params: Params = field(default_factory=Params)
    headers: str = ""
    """All after the question mark, as it stood."""

    @property
    def effective_port(self) -> int:
        """The port that a missing one means."""
        if self.port is not None:
            return self.port
        return DEFAULT_TLS_PORT if self.scheme == "sips" else DEFAULT_PORT

    @override
    def __str__(self) -> str:
        user = quote(self.user, safe=_USER_SAFE)
        if self.scheme == "tel":
            return f"tel:{user}{self.params}"
        userinfo = f"{user}@" if user else ""
        headers = f"?{self.headers}" if self.headers else ""
        hostport = format_host_port(self.host, self.port)
        return f"{self.scheme}:{userinfo}{hostport}{self.params}{headers}"


def format_host_port(host: str, port: int | None) -> str:
    """`host` or `host:port`, an IPv6 address in brackets."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def parse_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port` or the same with an IPv6 address in brackets."""
    end = text.find("]") + 1 if text.startswith("[") else text.find(":")
    host, rest = (text, "") if end < 0 else (text[:end], text[end:])
    if not (_HOST6 if host.startswith("[") else _HOST).fullmatch(host):
        raise MalformedMessage("a host name or address is not one")
    if not rest:
        return host, None
    if not rest.startswith(":"):
        raise MalformedMessage("a host is followed by something that is no port")
    return host, number(rest[1:], "a port", limit=MAX_PORT)


def parse_uri(text: str) -> Uri:
    """A SIP, SIPS or tel URI."""
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or _FORBIDDEN.search(text):
        raise MalformedMessage("a URI is not one")
    if scheme == "tel":
        digits, semicolon, params = rest.partition(";")
        if not digits:
            raise MalformedMessage("a tel URI has no number")
        return Uri("tel", user=unquote(digits), params=parse_params(semicolon + params))
    if scheme not in {"sip", "sips"}:
        raise MalformedMessage("a URI is neither sip, sips nor tel")
    userinfo, at, rest = rest.rpartition("@")
    # A password in a URI is deprecated and never wanted here: it is dropped.
    user = unquote(userinfo.partition(":")[0])
    if at and not user:
        raise MalformedMessage("a URI has an empty user")
    rest, _, headers = rest.partition("?")
    hostport, semicolon, params = rest.partition(";")
    host, port = parse_host_port(hostport)
    return Uri(scheme, user, host, port, parse_params(semicolon + params), headers)
