"""Digest authentication of RFC 2617 and RFC 7616, both ends.

Server: `challenge` a request, read what comes back with `parse_credentials`, and `verify` it.
Client: `parse_challenge`, then `answer`. Nonces carry the time of their making under a keyed
hash, so the server keeps no list of them: `NonceMint` tells fresh, stale and forged apart from
the time passed in. MD5 is what telephone trunks speak; SHA-256 is understood as well.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from typing_extensions import override

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.grammar import TOKEN, quote, split_outside, unquote

QOP_AUTH: Final = "auth"
_SCHEME: Final = re.compile(r"Digest\s+(.+)", re.IGNORECASE | re.DOTALL)
_HEX: Final = re.compile(r"[0-9a-fA-F]{32,64}", re.ASCII)
_NC: Final = re.compile(r"[0-9a-fA-F]{8}", re.ASCII)
_NONCE: Final = re.compile(r"([0-9a-f]{12})([0-9a-f]{32})", re.ASCII)
_STAMP_TICKS_PER_SECOND: Final = 1000


def _md5(text: str) -> str:
    # The wire format of SIP trunks demands MD5; nothing is kept secret by it but this response.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_HASHES: Final[dict[str, Callable[[str], str]]] = {"MD5": _md5, "SHA-256": _sha256}


@dataclass(frozen=True, slots=True)
class Challenge:
    """WWW-Authenticate or Proxy-Authenticate."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: str = QOP_AUTH
    """`auth`, or empty for the form before RFC 2617."""
    opaque: str = ""
    stale: bool = False
    """The password was not the fault: try again with this nonce."""

    @override
    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.opaque:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f"qop={quote(self.qop)}")
        return "Digest " + ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Authorization or Proxy-Authorization."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    cnonce: str = ""
    nc: str = ""
    opaque: str = ""

    @override
    def __str__(self) -> str:
        parts = [
            f"username={quote(self.username)}",
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}",
            f"response={quote(self.response)}",
            f"algorithm={self.algorithm}",
        ]
        if self.opaque:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.qop:
            parts += [f"qop={self.qop}", f"nc={self.nc}", f"cnonce={quote(self.cnonce)}"]
        return "Digest " + ", ".join(parts)


class Freshness(Enum):
    """What a nonce's age says."""

    FRESH = "fresh"
    STALE = "stale"
    FORGED = "forged"


class Verdict(Enum):
    """What credentials prove."""

    ACCEPTED = "accepted"
    STALE = "stale"
    """Right password, old nonce: challenge again with `stale=true`."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NonceMint:
    """Makes nonces and knows its own again."""

    key: bytes
    """Secret, at least 16 random bytes; all servers behind one address share it."""
    lifetime_s: float = 60.0
    """Long enough for a slow peer's second INVITE, short enough to make a replay useless."""

    def mint(self, now_s: float) -> str:
        """A nonce made now."""
        stamp = f"{int(now_s * _STAMP_TICKS_PER_SECOND):012x}"[-12:]
        return stamp + self._seal(stamp)

    def freshness(self, nonce: str, now_s: float) -> Freshness:
        """Whether this mint made the nonce, and lately."""
        matched = _NONCE.fullmatch(nonce)
        if matched is None:
            return Freshness.FORGED
        stamp, seal = matched.groups()
        if not hmac.compare_digest(seal, self._seal(stamp)):
            return Freshness.FORGED
        age_s = now_s - int(stamp, 16) / _STAMP_TICKS_PER_SECOND
        return Freshness.FRESH if age_s <= self.lifetime_s else Freshness.STALE

    def _seal(self, stamp: str) -> str:
        return hmac.new(self.key, stamp.encode(), hashlib.sha256).hexdigest()[:32]


def answer(
    challenge: Challenge,
    *,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str = "",
    nonce_count: int = 1,
) -> Credentials:
    """A client's credentials for a challenge; `cnonce` is needed where qop is asked for."""
    nc = f"{nonce_count:08x}" if challenge.qop else ""
    unsigned = Credentials(
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        qop=challenge.qop,
        cnonce=cnonce if challenge.qop else "",
        nc=nc,
        opaque=challenge.opaque,
    )
    return _signed(unsigned, password=password, method=method)


def verify(
    credentials: Credentials,
    *,
    realm: str,
    username: str,
    password: str,
    method: str,
    freshness: Freshness,
) -> Verdict:
    """Whether the sender knows the password and used a nonce of ours."""
    expected = _signed(credentials, password=password, method=method).response
    right = (
        hmac.compare_digest(credentials.response.lower().encode(), expected.encode())
        and hmac.compare_digest(credentials.username.encode(), username.encode())
        and credentials.realm == realm
    )
    if not right or freshness is Freshness.FORGED:
        return Verdict.REFUSED
    return Verdict.STALE if freshness is Freshness.STALE else Verdict.ACCEPTED


def _signed(credentials: Credentials, *, password: str, method: str) -> Credentials:
    c = credentials
    digest = _HASHES[c.algorithm]
    secret = digest(f"{c.username}:{c.realm}:{password}")
    request = digest(f"{method}:{c.uri}")
    middle = f"{c.nonce}:{c.nc}:{c.cnonce}:{c.qop}" if c.qop else c.nonce
    return Credentials(
        username=c.username,
        realm=c.realm,
        nonce=c.nonce,
        uri=c.uri,
        response=digest(f"{secret}:{middle}:{request}"),
        algorithm=c.algorithm,
        qop=c.qop,
        cnonce=c.cnonce,
        nc=c.nc,
        opaque=c.opaque,
    )


def parse_challenge(value: str) -> Challenge:
    """A challenge header. Raises `MalformedMessage` where it is none that can be answered."""
    fields = _fields(value)
    offered = [q.strip().lower() for q in fields.get("qop", "").split(",") if q.strip()]
    if offered and QOP_AUTH not in offered:
        raise MalformedMessage("a digest challenge asks for a protection not spoken here")
    return Challenge(
        realm=_needed(fields, "realm"),
        nonce=_needed(fields, "nonce"),
        algorithm=_algorithm(fields),
        qop=QOP_AUTH if offered else "",
        opaque=fields.get("opaque", ""),
        stale=fields.get("stale", "").lower() == "true",
    )


def parse_credentials(value: str) -> Credentials:
    """A credentials header. Raises `MalformedMessage` where it cannot be checked."""
    fields = _fields(value)
    qop = fields.get("qop", "").lower()
    if qop not in {"", QOP_AUTH}:
        raise MalformedMessage("digest credentials use a protection not spoken here")
    if not _HEX.fullmatch(_needed(fields, "response")):
        raise MalformedMessage("a digest response is not a hash")
    if qop and not (fields.get("cnonce") and _NC.fullmatch(fields.get("nc", ""))):
        raise MalformedMessage("digest credentials with qop lack cnonce or nc")
    return Credentials(
        username=_needed(fields, "username"),
        realm=_needed(fields, "realm"),
        nonce=_needed(fields, "nonce"),
        uri=_needed(fields, "uri"),
        response=fields["response"],
        algorithm=_algorithm(fields),
        qop=qop,
        cnonce=fields.get("cnonce", ""),
        nc=fields.get("nc", ""),
        opaque=fields.get("opaque", ""),
    )


def _fields(value: str) -> dict[str, str]:
    matched = _SCHEME.fullmatch(value.strip())
    if matched is None:
        raise MalformedMessage("an authentication header is not a digest's")
    fields: dict[str, str] = {}
    for piece in split_outside(matched.group(1), ","):
        name, equals, text = piece.partition("=")
        name = name.strip().lower()
        if not piece:
            continue
        if not equals or not TOKEN.fullmatch(name) or name in fields:
            raise MalformedMessage("a digest header holds a field twice or without a value")
        fields[name] = unquote(text.strip())
    return fields


def _needed(fields: dict[str, str], name: str) -> str:
    if not fields.get(name):
        raise MalformedMessage(f"a digest header has no {name}")
    return fields[name]


def _algorithm(fields: dict[str, str]) -> str:
    algorithm = fields.get("algorithm", "MD5").upper()
    if algorithm not in _HASHES:
        raise MalformedMessage("a digest algorithm is neither MD5 nor SHA-256")
    return algorithm
