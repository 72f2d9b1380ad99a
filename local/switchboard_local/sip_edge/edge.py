"""The SIP edge: which call a request belongs to, and the life of the process around the calls."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from livekit.api import LiveKitAPI
from redis.asyncio import Redis

from switchboard_local.sip_edge import call_model as calls
from switchboard_local.sip_edge.admission import Admission
from switchboard_local.sip_edge.dialog_side import ALLOW, reason_header
from switchboard_local.sip_edge.ffi import FrameRouter, install_router
from switchboard_local.sip_edge.invite import InviteSide
from switchboard_local.sip_edge.json_log import log
from switchboard_local.sip_edge.livekit_tables import list_tables
from switchboard_local.sip_edge.outgoing_session import OutgoingSession
from switchboard_local.sip_edge.pacer import Pacer
from switchboard_local.sip_edge.placed import PlacedCalls
from switchboard_local.sip_edge.psrpc import Method, PsrpcServer
from switchboard_local.sip_edge.room import RoomLeg
from switchboard_local.sip_edge.routing import Routing, RoutingUnavailableError
from switchboard_local.sip_edge.rtp_leg import RtpPorts
from switchboard_local.sip_edge.session import CallSession, EdgeParts
from switchboard_local.sip_edge.settings import EdgeSettings
from switchboard_local.sip_edge.signalling import Signalling
from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.dialog import DialogId, OutOfOrder, dialog_id_of
from switchboard_media.sip.digest import NonceMint
from switchboard_media.sip.message import Request
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.transaction import (
    Acknowledged,
    Address,
    Answered,
    Cancelled,
    Event,
    Failed,
    Key,
    NewRequest,
)

BYE_WAIT_S = 1.5
"""Longest wait at shutdown for peers to answer a BYE."""

READY_RETRY_S = 0.5

_LOGGER = logging.getLogger(__name__)


class Edge:
    """All calls of one process."""

    def __init__(self, settings: EdgeSettings, parts: EdgeParts, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._parts = parts
        self._tasks = tasks
        self._by_key: dict[Key, CallSession] = {}
        self._by_dialog: dict[DialogId, CallSession] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.signalling = Signalling(self)
        self.placed = PlacedCalls(parts, self.signalling, self._start)
        self.ready = asyncio.Event()
        """Whether LiveKit has answered once: until then OPTIONS gets 503."""

    @property
    def active_calls(self) -> int:
        """Calls from their INVITE to the end of their task."""
        return len(self._by_key) + len(self.placed)

    def on_sip(self, event: Event, source: Address | None) -> None:
        """Act on what the socket tells."""
        match event:
            case NewRequest(key, request) if source is not None:
                self._on_request(key, request, source)
            case Acknowledged(key):
                self._feed(key, calls.Acknowledged())
            case Cancelled(key):
                self._feed(key, calls.Cancelled())
            case Failed(key) if key.method == "INVITE":
                self._feed(key, calls.NeverAcknowledged())
                self.placed.on_no_response(key)
            case Answered(key, response) if key.method == "INVITE":
                self.placed.on_response(key, response)
            case Answered(key) | Failed(key):
                self._parts.byes.discard(key)
            case _:
                pass

    def _feed(self, key: Key, event: calls.Event) -> None:
        session = self._by_key.get(key)
        if session is not None:
            session.feed(event)

    def _on_request(self, key: Key, request: Request, source: Address) -> None:
        if request.method == "OPTIONS":
            self._answer(key, request, 200 if self.ready.is_set() and not self._stopping else 503)
        elif request.method not in {"INVITE", "BYE"}:
            self._answer(key, request, 405)
        elif request.recipient.tag is not None:
            self._in_dialog(key, request)
        elif request.method == "BYE":
            self._answer(key, request, 481)
        else:
            self._new_call(key, request, source)

    def _answer(self, key: Key, request: Request, status: int, text: str = "") -> None:
        headers = [("Allow", ALLOW)]
        if text:
            headers.append(reason_header(status, text))
        response = response_to(request, status, to_tag=secrets.token_hex(4), headers=headers)
        self.signalling.respond(key, response)

    def _in_dialog(self, key: Key, request: Request) -> None:
        dialog = dialog_id_of(request)
        session = self._by_dialog.get(dialog) or self.placed.of_dialog(dialog)
        if session is None:
            self._answer(key, request, 481)
            return
        try:
            session.on_request(key, request)
        except OutOfOrder:
            self._answer(key, request, 500, "CSeq is older than the last one")
        except MalformedMessage as error:
            self._answer(key, request, 400, str(error))

    def _new_call(self, key: Key, request: Request, source: Address) -> None:
        try:
            if request.sender.tag is None:
                raise MalformedMessage("From has no tag")  # noqa: TRY301 - answered with the rest
            side = InviteSide(self.signalling, key, request, source)
        except MalformedMessage as error:
            self._answer(key, request, 400, str(error))
            return
        refusal = self._no_room_for_more()
        if refusal:
            side.reject(503, refusal, [("Retry-After", "2")])
            log(_LOGGER, logging.WARNING, "call refused", outcome=calls.Outcome.FULL, text=refusal)
            return
        side.progress(100)
        session = CallSession(self._parts, side)
        self._by_key[key] = session
        self._by_dialog[side.dialog.id] = session
        self._hold(self._run(session))

    def _start(self, session: OutgoingSession) -> None:
        self._hold(self.placed.run(session))

    def _hold(self, life: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(life)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def takes_more(self) -> bool:
        """Whether there is room for one more call."""
        return not self._no_room_for_more()

    def _no_room_for_more(self) -> str:
        if self._stopping:
            return "the SIP edge is stopping"
        if self.active_calls >= self._settings.max_calls:
            return f"all {self._settings.max_calls} calls of this SIP edge are taken"
        return ""

    async def _run(self, session: CallSession) -> None:
        try:
            await session.run()
        except Exception:
            _LOGGER.exception("call's task failed")
        finally:
            del self._by_key[session.side.key]
            del self._by_dialog[session.side.dialog.id]

    async def stop(self) -> None:
        """Hang up every call and wait for peers to have heard it."""
        self._stopping = True
        for session in list(self._by_key.values()):
            session.feed(calls.Stopping())
        self.placed.stop()
        deadline_s = asyncio.get_running_loop().time() + BYE_WAIT_S
        while self._parts.byes or self.active_calls:
            if asyncio.get_running_loop().time() >= deadline_s:
                break
            await asyncio.sleep(0.02)
        for task in list(self._running):
            task.cancel()
        log(_LOGGER, logging.INFO, "stopped", unanswered_byes=len(self._parts.byes))


async def _become_ready(edge: Edge, routing: Routing) -> None:
    told = False
    while not edge.ready.is_set():
        try:
            await routing.check()
        except RoutingUnavailableError as error:
            if not told:
                log(_LOGGER, logging.WARNING, "waiting for LiveKit", text=str(error))
            told = True
            await asyncio.sleep(READY_RETRY_S)
        else:
            edge.ready.set()


async def take_questions(edge: Edge, settings: EdgeSettings) -> None:
    """Place the calls that livekit-server asks for."""
    if not settings.redis_url:
        log(_LOGGER, logging.INFO, "no Redis is named: calls are taken in, none are placed")
        return
    method = Method(
        "SIPInternal", "CreateSIPParticipant", edge.placed.place, accepts=edge.takes_more
    )
    async with Redis.from_url(settings.redis_url) as redis:
        await PsrpcServer(redis, method).run()


def _make_parts(settings: EdgeSettings, routing: Routing, router: FrameRouter) -> EdgeParts:
    nonces = NonceMint(secrets.token_bytes(32))
    return EdgeParts(
        settings=settings,
        admission=Admission(routing, nonces, silent=settings.drop_unrouted),
        ports=RtpPorts(settings.first_rtp_port, settings.last_rtp_port),
        pacer=Pacer(),
        make_room=lambda listener, rate_hz: RoomLeg(router, listener, rate_hz),
        join_gate=asyncio.Semaphore(settings.max_joins),
    )


@asynccontextmanager
async def running_edge(settings: EdgeSettings) -> AsyncIterator[Edge]:
    """Run an edge for as long as the block runs; at its end every call is hung up."""
    loop = asyncio.get_running_loop()
    router = install_router()
    async with (
        LiveKitAPI(settings.livekit_url, settings.livekit_key, settings.livekit_secret) as api,
        asyncio.TaskGroup() as tasks,
    ):
        routing = Routing(lambda: list_tables(api), loop.time)
        parts = _make_parts(settings, routing, router)
        edge = Edge(settings, parts, tasks)
        pacer = tasks.create_task(parts.pacer.run())
        transport, _ = await loop.create_datagram_endpoint(
            lambda: edge.signalling, local_addr=(settings.listen_ip, settings.listen_port)
        )
        edge.signalling.local = (settings.advertised_ip, transport.get_extra_info("sockname")[1])
        readiness = tasks.create_task(_become_ready(edge, routing))
        questions = tasks.create_task(take_questions(edge, settings))
        try:
            yield edge
        finally:
            readiness.cancel()
            await edge.stop()
            questions.cancel()
            edge.signalling.close()
            pacer.cancel()
