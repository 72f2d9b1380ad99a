"""The SIP side of one call that is placed: its INVITE, credentials where asked for, its dialog."""

import secrets
from collections.abc import Mapping
from typing import Final

from switchboard_local.sip_edge.dialog_side import (
    ALLOW,
    SDP,
    DialogSide,
    SipSender,
    contact_of,
)
from switchboard_local.sip_edge.outgoing_request import CallRequest
from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.dialog import MAX_FORWARDS, calling
from switchboard_media.sip.digest import answer, parse_challenge
from switchboard_media.sip.grammar import TOKEN, Params
from switchboard_media.sip.headers import NameAddr
from switchboard_media.sip.message import Headers, Request, Response, parse
from switchboard_media.sip.transaction import Address, Key, key_of
from switchboard_media.sip.uri import Uri, format_host_port

MAX_TRIES: Final = 3
"""INVITEs with credentials: a challenge may be stale once."""

_CHALLENGES: Final = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
_OURS: Final = frozenset(
    (
        *("via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "allow"),
        *("route", "record-route", "authorization", "proxy-authorization"),
        *("content-type", "content-length"),
    )
)
"""Headers that are SIP's own: no trunk and no call may set them."""


class OutgoingInvite:
    """One placed call as SIP sees it. Raises `MalformedMessage` where it cannot be written."""

    def __init__(self, sender: SipSender, wanted: CallRequest, to: Address, offer: bytes) -> None:
        self._sender = sender
        self._wanted = wanted
        self._to = to
        self._tries = 0
        self._credentials: list[tuple[str, str]] = []
        self._request = _invite(sender, wanted, offer)
        self.dialog: DialogSide | None = None
        """Once the phone was picked up."""

    @property
    def key(self) -> Key:
        """The transaction of the last INVITE."""
        return key_of(self._request)

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self._request.call_id

    def send(self) -> None:
        """Dial."""
        self._sender.request(self._request, self._to)

    def cancel(self) -> None:
        """Stop ringing."""
        headers = self._request.headers.having("CSeq", f"{self._request.cseq.number} CANCEL")
        headers = headers.without("Content-Type", "Contact", "Allow")
        self._sender.request(Request("CANCEL", self._request.uri, headers), self._to)

    def prove(self, response: Response) -> bool:
        """Dial again with credentials where the response asks for them; whether that was done.

        Raises `MalformedMessage` for a challenge that cannot be read.
        """
        asks, proves = _CHALLENGES.get(response.status, ("", ""))
        value, wanted = response.headers.get(asks) if asks else None, self._wanted
        if value is None or not wanted.password or self._tries >= MAX_TRIES:
            return False
        challenge = parse_challenge(value)
        if self._tries and not challenge.stale:
            return False
        self._tries += 1
        credentials = answer(
            challenge,
            username=wanted.username,
            password=wanted.password,
            method="INVITE",
            uri=self._request.uri,
            cnonce=secrets.token_hex(8),
        )
        self._credentials = [(proves, str(credentials))]
        number = self._request.cseq.number + 1
        headers = self._request.headers.having("Via", self._sender.fresh_via())
        headers = headers.having("CSeq", f"{number} INVITE").having(proves, str(credentials))
        self._request = Request("INVITE", self._request.uri, headers, self._request.body)
        self.send()
        return True

    def acknowledge(self, response: Response) -> bool:
        """Acknowledge a 2xx; whether it is the first. Raises `MalformedMessage`.

        A forking proxy may let two phones be picked up: the second is hung up on.
        """
        dialog = calling(self._request, response)
        side = DialogSide(self._sender, dialog, self._to, trusted=True)
        side.acknowledge(self._credentials)
        if self.dialog is None:
            self.dialog = side
            side.sdp = self._request.body
            return True
        if side.id != self.dialog.id:
            side.bye("another phone was picked up")
        return False


def _invite(sender: SipSender, wanted: CallRequest, offer: bytes) -> Request:
    host, port = wanted.address
    shown = host if ":" not in host else f"[{host}]"
    target = Uri("sip", wanted.call_to, shown, port)
    own = Uri("sip", wanted.number, wanted.host or sender.local[0])
    tag = Params((("tag", secrets.token_hex(8)),))
    lines = [
        ("Via", sender.fresh_via()),
        ("Max-Forwards", str(MAX_FORWARDS)),
        ("From", str(NameAddr(own, wanted.display_name, tag))),
        ("To", str(NameAddr(Uri("sip", wanted.call_to, shown)))),
        ("Call-ID", f"{secrets.token_hex(16)}@{format_host_port(sender.local[0], None)}"),
        ("CSeq", "1 INVITE"),
        contact_of(sender),
        ("Allow", ALLOW),
        *_extra(wanted.headers),
        ("Content-Type", SDP),
    ]
    request = Request("INVITE", str(target), Headers(tuple(lines)), offer)
    try:
        parse(bytes(request))
    except ValueError as error:
        raise MalformedMessage(str(error)) from error
    return request


def _extra(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Headers that the trunk or the call asks for, but for those that are SIP's own."""
    return [
        (name, value)
        for name, value in headers.items()
        if TOKEN.fullmatch(name) and name.lower() not in _OURS
    ]
