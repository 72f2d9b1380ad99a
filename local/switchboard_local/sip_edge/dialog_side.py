"""A call's dialog once it stands: requests of the other end are answered, and ours are sent."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Protocol

from switchboard_media.sip.dialog import Dialog, DialogId
from switchboard_media.sip.grammar import quote
from switchboard_media.sip.message import Request, Response
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.transaction import Address, Key, key_of

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"
SDP = "application/sdp"
MAX_REASON = 200
"""Characters of a Reason's text: what a person reads in a trace."""

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f]")


class SipSender(Protocol):
    """What a call needs of the socket."""

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


def is_ip_address(host: str) -> bool:
    """Whether this needs no DNS."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def contact_of(sender: SipSender) -> tuple[str, str]:
    """Where the other end's next requests go."""
    host, port = sender.local
    return "Contact", f"<sip:{host}:{port}>"


class DialogSide:
    """One call's dialog."""

    def __init__(
        self, sender: SipSender, dialog: Dialog, source: Address, *, trusted: bool = False
    ) -> None:
        self._sender = sender
        self._dialog = dialog
        self._source = source
        self._trusted = trusted
        """Whether the other end may name any address: it is a trunk of ours."""
        self.sdp = b""
        """What was said of our sound: a re-INVITE gets it again."""

    @property
    def id(self) -> DialogId:
        """What requests of this call are known by."""
        return self._dialog.id

    def again(self, key: Key, request: Request) -> None:
        """Answer a request in the dialog; a re-INVITE gets our SDP."""
        self._dialog = self._dialog.received(request)
        if request.method == "INVITE":
            lines = [contact_of(self._sender), ("Allow", ALLOW)]
            self.respond(key, request, 200, lines, self.sdp)
        else:
            self.respond(key, request, 200, [])

    def refuse(self, key: Key, request: Request, status: int, text: str) -> None:
        """Refuse a request in the dialog, which goes on."""
        self.respond(key, request, status, [reason_header(status, text)])

    def bye(self, text: str) -> Key:
        """Hang up; returns the transaction that tells when the other end has heard it."""
        self._dialog, request = self._dialog.request(
            "BYE", via=self._sender.fresh_via(), headers=[reason_header(200, text)]
        )
        self._sender.request(request, self._next_hop())
        return key_of(request)

    def acknowledge(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send the ACK to the 2xx of our INVITE (RFC 3261 13.2.2.4)."""
        number = self._dialog.local_cseq
        _, ack = self._dialog.request("ACK", via=self._sender.fresh_via(), headers=headers)
        ack = Request("ACK", ack.uri, ack.headers.having("CSeq", f"{number} ACK"))
        self._sender.request(ack, self._next_hop())

    def _next_hop(self) -> Address:
        """The Contact; the packet's source where that is a name, or a stranger's other machine.

        What a caller behind a NAT writes there is of no use, and no stranger shall aim our packets.
        """
        host, port = self._dialog.next_hop
        usable = host == self._source[0] or (self._trusted and is_ip_address(host))
        return (host, port) if usable else self._source

    def respond(
        self,
        key: Key,
        request: Request,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes = b"",
    ) -> None:
        """Answer a request."""
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
