"""Dialogs (RFC 3261 section 12): what two parties remember of a call between requests.

A dialog is a value: each request sent or received gives the next one. It knows both tags, both
counters, the peer's Contact and the proxies that asked to stay on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.headers import NameAddr, parse_name_addr
from switchboard_media.sip.message import Headers, Request, Response
from switchboard_media.sip.uri import Uri, parse_uri

MAX_FORWARDS: Final = 70
_REFRESHES_TARGET: Final = frozenset({"INVITE", "UPDATE"})


@dataclass(frozen=True, slots=True)
class DialogId:
    """A dialog's name, from our side."""

    call_id: str
    local_tag: str
    remote_tag: str


class OutOfOrder(Exception):  # noqa: N818 - named by its reason
    """A request older than the last one of its dialog: answer 500 (RFC 3261 12.2.2)."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """One side's view of a call."""

    call_id: str
    local: NameAddr
    """With our tag."""
    remote: NameAddr
    """With the peer's tag, where it has one."""
    remote_target: Uri
    """The peer's Contact: where requests go."""
    route_set: tuple[NameAddr, ...] = ()
    """Nearest proxy first."""
    local_cseq: int = 0
    remote_cseq: int | None = None

    @property
    def id(self) -> DialogId:
        """Its name."""
        return DialogId(self.call_id, self.local.tag or "", self.remote.tag or "")

    @property
    def next_hop(self) -> tuple[str, int]:
        """Host and port that requests are sent to."""
        uri = self.route_set[0].uri if self.route_set else self.remote_target
        return uri.host.strip("[]"), uri.effective_port

    def request(
        self,
        method: str,
        *,
        via: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> tuple["Dialog", Request]:
        """The next request of ours. `via` is the whole value, with a fresh branch."""
        sent = replace(self, local_cseq=self.local_cseq + 1)
        target, routes = self._target_and_routes()
        lines = [("Via", via), ("Max-Forwards", str(MAX_FORWARDS))]
        lines += [("Route", route) for route in routes]
        lines += [
            ("From", str(self.local)),
            ("To", str(self.remote)),
            ("Call-ID", self.call_id),
            ("CSeq", f"{sent.local_cseq} {method}"),
            *headers,
        ]
        return sent, Request(method, target, Headers(tuple(lines)), body)

    def _target_and_routes(self) -> tuple[str, list[str]]:
        if not self.route_set:
            return str(self.remote_target), []
        first, *others = self.route_set
        if "lr" in first.uri.params:
            return str(self.remote_target), [str(route) for route in self.route_set]
        # A strict router of RFC 2543 wants itself in the request URI.
        return str(first.uri), [*map(str, others), f"<{self.remote_target}>"]

    def received(self, request: Request) -> "Dialog":
        """The dialog after a request of the peer. Raises `OutOfOrder`, `MalformedMessage`."""
        cseq = request.cseq.number
        if request.method == "ACK":
            return self
        if self.remote_cseq is not None and cseq < self.remote_cseq:
            raise OutOfOrder
        contact = request.contact if request.method in _REFRESHES_TARGET else None
        target = self.remote_target if contact is None else contact.uri
        return replace(self, remote_cseq=cseq, remote_target=target)


def dialog_id_of(request: Request) -> DialogId:
    """The dialog that a received request means."""
    return DialogId(request.call_id, request.recipient.tag or "", request.sender.tag or "")


def answering(invite: Request, local_tag: str) -> Dialog:
    """The called party's dialog. Raises `MalformedMessage` where the INVITE has no Contact."""
    return Dialog(
        call_id=invite.call_id,
        local=invite.recipient.with_tag(local_tag),
        remote=invite.sender,
        remote_target=_contact(invite),
        route_set=_route_set(invite),
        remote_cseq=invite.cseq.number,
    )


def calling(invite: Request, response: Response) -> Dialog:
    """The calling party's dialog after a 101-299 response to its INVITE."""
    return Dialog(
        call_id=invite.call_id,
        local=invite.sender,
        remote=response.recipient,
        remote_target=_contact(response),
        route_set=tuple(reversed(_route_set(response))),
        local_cseq=invite.cseq.number,
    )


def _contact(message: Request | Response) -> Uri:
    contact = message.contact
    if contact is None:
        raise MalformedMessage("no Contact where a dialog needs one")
    if contact.uri.scheme == "tel":
        raise MalformedMessage("a Contact must be a SIP URI")
    return contact.uri


def _route_set(message: Request | Response) -> tuple[NameAddr, ...]:
    routes = tuple(parse_name_addr(value) for value in message.headers.values("Record-Route"))
    if any(route.uri.scheme == "tel" for route in routes):
        raise MalformedMessage("a Record-Route must be a SIP URI")
    return routes


def called_user(request: Request) -> str:
    """Who is called: the user of the request URI. Raises `MalformedMessage`."""
    return parse_uri(request.uri).user
