"""The SIP socket: datagrams in, events out, with the repeating of RFC 3261 in between.

Every datagram is a stranger's. What cannot be read is counted and dropped; what breaks the code
behind is counted and logged, and the socket lives on.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import Protocol, cast

from typing_extensions import override

from switchboard_local.sip_edge.dialog_side import is_ip_address
from switchboard_local.sip_edge.json_log import log
from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.layer import TransactionLayer
from switchboard_media.sip.message import Request, Response, is_keepalive, parse, received_from
from switchboard_media.sip.transaction import Address, Event, Key, Outcome, Send

MAX_DATAGRAM = 16_384
"""Larger than any INVITE seen in the wild; smaller than what could keep the parser busy."""

_LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class SignallingCounters:
    """What came over the socket."""

    datagrams: int = 0
    malformed: int = 0
    failed: int = 0
    """Datagrams that the code behind broke on: each is a defect."""
    unsendable: int = 0


class SignallingUser(Protocol):
    """Who acts on requests."""

    def on_sip(self, event: Event, source: Address | None) -> None:
        """Act on an event; the source is known where a datagram led to it."""


class Signalling(asyncio.DatagramProtocol):
    """The edge's one SIP socket."""

    def __init__(self, user: SignallingUser, layer: TransactionLayer | None = None) -> None:
        self._user = user
        self._layer = layer or TransactionLayer()
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._loop = asyncio.get_running_loop()
        self.counters = SignallingCounters()
        self.local: Address = ("", 0)
        """What peers are told to send to."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def error_received(self, exc: Exception) -> None:
        """Nothing: the peer's port is closed, and the transaction's timer will tell."""

    def close(self) -> None:
        """Close the socket and forget all transactions."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        source = (str(addr[0]), addr[1])
        self.counters.datagrams += 1
        try:
            self._take(data, source)
        except MalformedMessage:
            self.counters.malformed += 1
        except Exception:
            self.counters.failed += 1
            _LOGGER.exception("datagram failed")

    def _take(self, data: bytes, source: Address) -> None:
        if is_keepalive(data):
            return
        if len(data) > MAX_DATAGRAM:
            raise MalformedMessage("larger than the edge takes")
        message = parse(data)
        now_s = self._loop.time()
        if isinstance(message, Request):
            marked = received_from(message, *source)
            self._act(self._layer.on_request(marked, now_s), source)
        else:
            self._act(self._layer.on_response(message, now_s), source)

    def respond(self, key: Key, response: Response) -> None:
        """Answer a request; dropped where it has its final answer."""
        self._act(self._layer.respond(key, response, self._loop.time()), None)

    def request(self, request: Request, to: Address) -> None:
        """Send a request of ours and repeat it until it is answered; an ACK goes out once."""
        self._act(self._layer.request(request, to, self._loop.time()), None)

    def fresh_via(self) -> str:
        """Make the Via of a new request."""
        host, port = self.local
        return f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def _act(self, outcome: Outcome, source: Address | None) -> None:
        for send in outcome.sends:
            self._send(send)
        self._arm()
        for event in outcome.events:
            self._user.on_sip(event, source)

    def _send(self, send: Send) -> None:
        host, port = send.to
        if not is_ip_address(host):
            # A name would block the loop on DNS; a peer's own address is always known here.
            self.counters.unsendable += 1
            log(_LOGGER, logging.WARNING, "address is not an IP address", sent=False)
            return
        if self._transport is not None and port > 0:
            self._transport.sendto(send.data, (host, port))

    def _arm(self) -> None:
        deadline_s = self._layer.deadline_s
        if self._timer is not None:
            if deadline_s is not None and self._due_s <= deadline_s:
                return
            self._timer.cancel()
            self._timer = None
        if deadline_s is not None:
            # uvloop gives a handle without a time where the time has come.
            self._due_s = deadline_s
            self._timer = self._loop.call_at(deadline_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self._act(self._layer.on_timer(self._loop.time()), None)
        except Exception:
            self.counters.failed += 1
            _LOGGER.exception("timer failed")
            self._arm()
