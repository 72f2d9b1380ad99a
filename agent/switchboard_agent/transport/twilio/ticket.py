"""The right to one stream: a signed value that travels through Twilio as a `<Parameter>`.

The worker that answers Twilio's question and the worker that gets the stream may be two: whatever
the second must know is in the ticket, signed with a key that both derive from the account's auth
token. A ticket is for one call, for half a minute, and once: who takes it is noted in Redis.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

import orjson

from switchboard_contract.call_events import Direction

LIFETIME_SECONDS: Final = 30
"""Twilio connects within a second or two."""

PARAMETER: Final = "token"
"""Name of the `<Parameter>`."""

_CONTEXT: Final = b"switchboard stream ticket v1"
_FIELDS: Final = 8
"""One more in a ticket of a call that the agent began."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a stream may be opened for."""

    call_sid: str
    agent: str
    """`namespace/name` of the VoiceAgent."""
    caller: str
    called: str
    worker: str
    """Holds a place for the call, or already serves it."""
    resumes: bool
    """The call is served already: no worker may begin it anew."""
    expires_at: int
    """Seconds since 1970."""
    nonce: str
    """What makes it one of a kind."""
    direction: Direction = Direction.INBOUND


class BadTicketError(Exception):
    """Not a ticket of ours, or out of date."""


def new_nonce() -> str:
    """Return something that nobody guesses."""
    return secrets.token_urlsafe(12)


def write(ticket: Ticket, auth_token: str) -> str:
    """Return the ticket as text: within the 500 characters that Twilio carries."""
    values = [
        ticket.call_sid,
        ticket.agent,
        ticket.caller,
        ticket.called,
        ticket.worker,
        int(ticket.resumes),
        ticket.expires_at,
        ticket.nonce,
        *([ticket.direction] if ticket.direction is Direction.OUTBOUND else []),
    ]
    body = base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=")
    return f"{body.decode()}.{_seal(body, auth_token)}"


def agent_of(text: str) -> str:
    """Return which agent a ticket says it is for, unproven: to find the key that proves it."""
    return str(_values(text.partition(".")[0])[1])


def read(text: str, auth_token: str, now: float) -> Ticket:
    """Return the ticket. Raises `BadTicketError`."""
    body, _, seal = text.partition(".")
    if not hmac.compare_digest(
        _seal(body.encode(), auth_token).encode(), seal.encode(errors="replace")
    ):
        raise BadTicketError("not sealed by us")
    call, agent, caller, called, worker, resumes, expires, nonce, *more = _values(body)
    if not isinstance(expires, int) or expires <= now:
        raise BadTicketError("out of date")
    return Ticket(
        call_sid=str(call),
        agent=str(agent),
        caller=str(caller),
        called=str(called),
        worker=str(worker),
        resumes=bool(resumes),
        expires_at=expires,
        nonce=str(nonce),
        direction=Direction.OUTBOUND if more else Direction.INBOUND,
    )


def _seal(body: bytes, auth_token: str) -> str:
    key = hmac.new(auth_token.encode(), _CONTEXT, hashlib.sha256).digest()
    digest = hmac.new(key, body, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _values(body: str) -> list[object]:
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        values = orjson.loads(raw)
    except (ValueError, binascii.Error):
        raise BadTicketError("not readable") from None
    if not isinstance(values, list) or len(values) not in {_FIELDS, _FIELDS + 1}:
        raise BadTicketError("not of this shape")
    return values
