"""The SIP side of one incoming call: answers to its INVITE, and its dialog."""

import secrets
from collections.abc import Iterable, Mapping

from switchboard_local.sip_edge.dialog_side import (
    ALLOW,
    DialogSide,
    SipSender,
    contact_of,
    reason_header,
)
from switchboard_media.sip.dialog import answering
from switchboard_media.sip.message import Request
from switchboard_media.sip.transaction import Address, Key


class InviteSide:
    """One incoming call as SIP sees it. Raises `MalformedMessage` without a usable Contact."""

    def __init__(self, sender: SipSender, key: Key, request: Request, source: Address) -> None:
        self._sender = sender
        self.key = key
        self.request = request
        self.source = source
        self.dialog = DialogSide(sender, answering(request, secrets.token_hex(8)), source)

    def progress(self, status: int) -> None:
        """Send 100 or 180."""
        lines = [contact_of(self._sender)] if status != 100 else []  # noqa: PLR2004 - the code of RFC 3261
        self.dialog.respond(self.key, self.request, status, lines)

    def accept(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send 200 with this SDP."""
        self.dialog.sdp = body
        lines = [contact_of(self._sender), ("Allow", ALLOW), *headers.items()]
        self.dialog.respond(self.key, self.request, 200, lines, body)

    def reject(self, status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send a final response that says why."""
        lines = [reason_header(status, text), *headers]
        self.dialog.respond(self.key, self.request, status, lines)
