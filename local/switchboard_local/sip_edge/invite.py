"""The SIP side of one incoming call: answers to its INVITE, its dialog, its BYE."""

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Protocol

from switchboard_media.sip.dialog import Dialog, DialogId, answering
from switchboard_media.sip.grammar import quote
from switchboard_media.sip.message import Request, Response
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.transaction import Address, Key

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"
SDP = "application/sdp"
MAX_REASON = 200
"""Characters of a Reason's text: what a person reads in a trace."""

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f]")


class SipSender(Protocol):
    """What an INVITE needs of the socket."""

    local: Address

    def respond(self, key: Key, response: Response) -> None:
        """Answer a request."""

    def request(self, request: Request, to: Address) -> None:
        """Send a request."""

    def fresh_via(self) -> str:
        """Make the Via of a new request."""


def reason_header(protocol_cause: int, text: str) -> tuple[str, str]:
    """Say why (RFC 3326), in words for a trace."""
    words = _UNSPEAKABLE.sub(" ", text)[:MAX_REASON]
    return "Reason", f"SIP;cause={protocol_cause};text={quote(words)}"


class InviteSide:
    """One incoming call as SIP sees it. Raises `MalformedMessage` without a usable Contact."""

    def __init__(self, sender: SipSender, key: Key, request: Request, source: Address) -> None:
        self._sender = sender
        self.key = key
        self.request = request
        self.source = source
        self._dialog: Dialog = answering(request, secrets.token_hex(8))
        self._offered_body = b""

    @property
    def dialog_id(self) -> DialogId:
        """What requests of this call are known by."""
        return self._dialog.id

    @property
    def contact(self) -> tuple[str, str]:
        """Where the caller's next requests go."""
        host, port = self._sender.local
        return "Contact", f"<sip:{host}:{port}>"

    def progress(self, status: int) -> None:
        """Send 100 or 180."""
        self._respond(self.key, self.request, status, [self.contact] if status != 100 else [])  # noqa: PLR2004 - the code of RFC 3261

    def accept(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send 200 with this SDP."""
        self._offered_body = body
        lines = [self.contact, ("Allow", ALLOW), *headers.items()]
        self._respond(self.key, self.request, 200, lines, body)

    def reject(self, status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send a final response that says why."""
        self._respond(self.key, self.request, status, [reason_header(status, text), *headers])

    def again(self, key: Key, request: Request) -> None:
        """Answer a request in the dialog; a re-INVITE gets the SDP of the first answer."""
        self._dialog = self._dialog.received(request)
        if request.method == "INVITE":
            self._respond(key, request, 200, [self.contact, ("Allow", ALLOW)], self._offered_body)
        else:
            self._respond(key, request, 200, [])

    def refuse(self, key: Key, request: Request, status: int, text: str) -> None:
        """Refuse a request in the dialog, which goes on."""
        self._respond(key, request, status, [reason_header(status, text)])

    def bye(self, text: str) -> Key:
        """Hang up; returns the transaction that tells when the caller has heard it."""
        self._dialog, request = self._dialog.request(
            "BYE", via=self._sender.fresh_via(), headers=[reason_header(200, text)]
        )
        host, port = self._dialog.next_hop
        # The Contact of a caller behind a NAT, or a name: the packet's source is what works.
        to = (host, port) if host == self.source[0] else self.source
        key = Key(request.via.branch, request.via.sent_by.lower(), "BYE")
        self._sender.request(request, to)
        return key

    def _respond(
        self,
        key: Key,
        request: Request,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes = b"",
    ) -> None:
        self._sender.respond(
            key,
            response_to(
                request,
                status,
                to_tag=self._dialog.local.tag or "",
                headers=headers,
                content_type=SDP if body else "",
                body=body,
            ),
        )
