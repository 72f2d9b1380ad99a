"""All transactions of one SIP socket: messages and times in, datagrams and events out.

The user of this layer reads a socket, parses, and calls `on_request` or `on_response`; answers
through `respond`; sends requests of its own by `request`; and calls `on_timer` when `deadline_s`
has come. Each call returns an `Outcome`. The layer swallows copies, repeats what may be lost,
answers CANCEL, and joins an ACK to the INVITE that it is about.

A stranger can open transactions as fast as the wire carries them, so their number is bounded;
above it a request is answered 503 and forgotten.
"""

import hashlib
import heapq
from typing import Final

from switchboard_media.sip.client_transaction import ClientState, OtherClient
from switchboard_media.sip.invite_client import InviteClient
from switchboard_media.sip.message import Request, Response
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.server_transaction import (
    InviteServer,
    OtherServer,
    ServerTransaction,
    State,
)
from switchboard_media.sip.transaction import (
    Acknowledged,
    Address,
    Answered,
    Cancelled,
    Failed,
    Key,
    NewRequest,
    Outcome,
    Send,
    Timers,
    key_of,
)

MAX_TRANSACTIONS: Final = 4096
"""32 s of 100 requests a second, at about 3 kB each."""
_NOTHING: Final = Outcome()
_AckName = tuple[str, str | None, int]


class TransactionLayer:
    """Server and client transactions by their keys."""

    def __init__(self, timers: Timers | None = None, capacity: int = MAX_TRANSACTIONS) -> None:
        self._timers = timers or Timers()
        self._capacity = capacity
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, InviteClient | OtherClient] = {}
        self._invites: dict[_AckName, Key] = {}
        self._ack_names: dict[Key, _AckName] = {}
        self._deadlines: list[tuple[float, int, Key]] = []
        self._pushed = 0

    def __len__(self) -> int:
        """Transactions held now."""
        return len(self._servers) + len(self._clients)

    @property
    def deadline_s(self) -> float | None:
        """When `on_timer` is due, if ever. May be early, never late."""
        return self._deadlines[0][0] if self._deadlines else None

    def on_request(self, request: Request, now_s: float) -> Outcome:
        """A request came in, its Via already marked with its source."""
        key = key_of(request)
        if request.method == "ACK":
            return self._on_ack(key, request, now_s)
        held = self._servers.get(key)
        if held is not None:
            return _sending(held.on_retransmission(), held.reply_to)
        if len(self) >= self._capacity:
            retry = [("Retry-After", "1")]
            busy = response_to(request, 503, to_tag=_own_tag(request), headers=retry)
            return _sending(bytes(busy), request.via.reply_to)
        if request.method == "CANCEL":
            return self._on_cancel(key, request, now_s)
        self._open(key, request)
        return Outcome(events=(NewRequest(key, request),))

    def respond(self, key: Key, response: Response, now_s: float) -> Outcome:
        """Answer a request. Dropped where it has its final answer or is forgotten."""
        held = self._servers.get(key)
        if held is None:
            return _NOTHING
        data = held.respond(response, now_s)
        self._schedule(key, held.deadline_s)
        return _sending(data, held.reply_to)

    def request(self, request: Request, to: Address, now_s: float) -> Outcome:
        """Send a request of ours. Its end comes as `Answered` or `Failed`; an ACK has none."""
        if request.method == "ACK":
            return _sending(bytes(request), to)
        key = key_of(request)
        if request.method == "CANCEL":
            self._cancel(key_of(request, "INVITE"), now_s)
        kind = InviteClient if request.method == "INVITE" else OtherClient
        client = kind(request, to, self._timers, now_s)
        self._clients[key] = client
        self._schedule(key, client.deadline_s)
        return _sending(client.data, to)

    def on_response(self, response: Response, now_s: float) -> Outcome:
        """A response came in. One that answers nothing of ours is swallowed."""
        via, *others = response.vias
        if others:  # it was on its way to somebody behind us (RFC 3261 8.1.3.3)
            return _NOTHING
        key = Key(via.branch, via.sent_by.lower(), response.cseq.method)
        client = self._clients.get(key)
        if client is None:
            return _NOTHING
        news = client.on_response(response, now_s)
        self._schedule(key, client.deadline_s)
        ack = client.acknowledgement(response) if isinstance(client, InviteClient) else None
        return Outcome(
            sends=_sending(ack, client.to).sends, events=(Answered(key, response),) if news else ()
        )

    def on_timer(self, now_s: float) -> Outcome:
        """Do what has come due."""
        sends: list[Send] = []
        failures: list[Failed] = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            when_s, _, key = heapq.heappop(self._deadlines)
            held = self._servers.get(key) or self._clients.get(key)
            if held is None or held.deadline_s is None or held.deadline_s > when_s:
                continue  # gone, or moved: then a later entry stands for it
            data, failure = held.on_timer(now_s)
            if data is not None:
                to = held.to if isinstance(held, InviteClient | OtherClient) else held.reply_to
                sends.append(Send(data, to))
            if failure is not None:
                failures.append(Failed(key, failure))
            if held.state in {State.TERMINATED, ClientState.TERMINATED}:
                self._forget(key)
            else:
                self._schedule(key, held.deadline_s)
        return Outcome(tuple(sends), tuple(failures))

    def _cancel(self, invite: Key, now_s: float) -> None:
        held = self._clients.get(invite)
        if isinstance(held, InviteClient):
            held.cancelled(now_s)
            self._schedule(invite, held.deadline_s)

    def _open(self, key: Key, request: Request) -> ServerTransaction:
        reply_to = request.via.reply_to
        held: ServerTransaction
        if request.method == "INVITE":
            held = InviteServer(reply_to, self._timers)
            self._ack_names[key] = _ack_name(request)
            self._invites[_ack_name(request)] = key
        else:
            held = OtherServer(reply_to, self._timers)
        self._servers[key] = held
        return held

    def _on_ack(self, key: Key, ack: Request, now_s: float) -> Outcome:
        """An ACK of a failure bears the INVITE's branch; one of a 2xx only its number."""
        if key not in self._servers:
            key = self._invites.get(_ack_name(ack), key)
        held = self._servers.get(key)
        if not isinstance(held, InviteServer):
            return _NOTHING
        accepted = held.state is State.ACCEPTED
        news = held.on_ack(now_s)
        self._schedule(key, held.deadline_s)
        return Outcome(events=(Acknowledged(key, ack),)) if news and accepted else _NOTHING

    def _on_cancel(self, key: Key, cancel: Request, now_s: float) -> Outcome:
        invite_key = key_of(cancel, "INVITE")
        invite = self._servers.get(invite_key)
        held = self._open(key, cancel)
        status, tag = 481, _own_tag(cancel)
        if isinstance(invite, InviteServer):
            status, tag = 200, invite.local_tag or tag
        data = held.respond(response_to(cancel, status, to_tag=tag), now_s)
        self._schedule(key, held.deadline_s)
        pending = invite is not None and invite.state is State.PROCEEDING
        events = (Cancelled(invite_key, cancel),) if pending else ()
        return Outcome(_sending(data, held.reply_to).sends, events)

    def _schedule(self, key: Key, deadline_s: float | None) -> None:
        if deadline_s is not None:
            self._pushed += 1
            heapq.heappush(self._deadlines, (deadline_s, self._pushed, key))

    def _forget(self, key: Key) -> None:
        self._servers.pop(key, None)
        self._clients.pop(key, None)
        name = self._ack_names.pop(key, None)
        if name is not None and self._invites.get(name) == key:
            del self._invites[name]


def _ack_name(request: Request) -> _AckName:
    return request.call_id, request.sender.tag, request.cseq.number


def _own_tag(request: Request) -> str:
    """A To tag without state: copies of a request get the same (RFC 3261 8.2.7)."""
    return hashlib.sha256(request.call_id.encode()).hexdigest()[:16]


def _sending(data: bytes | None, to: Address) -> Outcome:
    return _NOTHING if data is None else Outcome(sends=(Send(data, to),))
