"""The worker's HTTP side for Twilio: two questions that it asks, and the streams that it opens.

A request is believed because of its signature; a stream, because of its ticket. Until then a peer
has a small body, a few seconds and one of few places. What it did wrong is counted, never echoed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from switchboard_agent.secret_file import SecretFileError
from switchboard_agent.transport.twilio.desk import Asked, ElsewhereError, NotHereError, TwilioDesk
from switchboard_agent.transport.twilio.forward import FORWARDED, ForwardError, forward
from switchboard_agent.transport.twilio.messages import Fault, Started, StreamError
from switchboard_agent.transport.twilio.place import AFTER_PATH, STREAM_PATH, Place
from switchboard_agent.transport.twilio.signature import HEADER, is_signed
from switchboard_agent.transport.twilio.stream import StreamLimits, StreamProtocol
from switchboard_agent.transport.twilio.transport import TwilioTransport
from switchboard_agent.transport.twilio.wire import SocketWire
from switchboard_contract.call_events import Direction
from switchboard_contract.line import WEBHOOK_PATH, Line

MAX_BODY_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 100
MAX_NEWCOMERS: Final = 100
"""Streams without a `start`: real ones are such for milliseconds, so of more the oldest go."""
CLOSE_SECONDS: Final = 1.0

_ANY_PREFIX: Final = "/{prefix:(?:.*/)?}"
"""An Ingress may lead here under a path of its own."""

_log = logging.getLogger(__name__)


class TwilioServer:
    """Handlers of one worker."""

    def __init__(
        self,
        desk: TwilioDesk,
        line_of_number: Callable[[str], Line | None],
        on_fault: Callable[[Fault], None],
        session: aiohttp.ClientSession,
        limits: StreamLimits | None = None,
    ) -> None:
        """`session` opens connections to other workers."""
        self._desk = desk
        self._session = session
        self._line_of_number = line_of_number
        self._on_fault = on_fault
        self._limits = limits or StreamLimits()
        self._loop = asyncio.get_running_loop()
        self._newcomers: dict[asyncio.Timeout, None] = {}

    def app(self) -> web.Application:
        """The three addresses, under any prefix."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(_ANY_PREFIX + WEBHOOK_PATH[1:], self._voice)
        app.router.add_post(_ANY_PREFIX + AFTER_PATH[1:], self._after)
        app.router.add_get(_ANY_PREFIX + STREAM_PATH[1:], self._stream)
        return app

    # --- questions --------------------------------------------------------------------------

    async def _voice(self, request: web.Request) -> web.Response:
        place, asked = await self._believed(request, WEBHOOK_PATH)
        return _answer(await self._desk.call(place, asked))

    async def _after(self, request: web.Request) -> web.Response:
        place, asked = await self._believed(request, AFTER_PATH)
        return _answer(await self._desk.after(place, asked))

    async def _believed(self, request: web.Request, path: str) -> tuple[Place, Asked]:
        """Read a question and make sure that it is Twilio's, about a call of ours."""
        form = _form(await request.read())
        fields = dict(form)
        outbound = fields.get("Direction", "").startswith("outbound")
        line = self._line_of_number(fields.get("From" if outbound else "To", ""))
        if line is None:
            raise web.HTTPForbidden(text="no agent of this worker has that number\n")
        try:
            place = Place.of(line)
        except SecretFileError as error:
            _log.exception("a call from Twilio cannot be taken")
            raise web.HTTPServiceUnavailable(text="the auth token is not there\n") from error
        url = line.twilio.public_url + path
        if query := request.rel_url.raw_query_string:
            url += f"?{query}"
        if not is_signed(place.auth_token, url, form, request.headers.get(HEADER, "")):
            _log.warning(
                "a request was not signed by Twilio for %s: if it was Twilio, correct "
                "spec.channels.twilio.publicUrl or the auth token",
                line.twilio.public_url + path,
            )
            raise web.HTTPForbidden(text="the signature is not right\n")
        call_sid = fields.get("CallSid", "")
        if fields.get("AccountSid") != line.twilio.account_sid or not call_sid.isalnum():
            raise web.HTTPForbidden(text="the call is of another account\n")
        tries = request.query.get("try", "0")
        asked = Asked(
            call_sid=call_sid,
            caller=fields.get("From", ""),
            called=fields.get("To", ""),
            direction=Direction.OUTBOUND if outbound else Direction.INBOUND,
            tries=int(tries) if tries.isascii() and tries.isdecimal() and len(tries) < 3 else 0,  # noqa: PLR2004
        )
        return place, asked

    # --- streams ----------------------------------------------------------------------------

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            max_msg_size=self._limits.message_bytes, compress=False, timeout=CLOSE_SECONDS
        )
        protocol = StreamProtocol(self._limits, self._loop.time())
        try:
            await socket.prepare(request)
            first, started = await self._start(socket, protocol)
            call: TwilioTransport | str = await self._desk.open(started)
        except StreamError as error:
            await self._refuse(socket, error)
            return socket
        except NotHereError as error:
            _log.info("a stream is sent back: %s", error)
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER)
            return socket
        except ElsewhereError as elsewhere:
            call = elsewhere.address
        if isinstance(call, str):
            await self._lead_on(request, socket, call, first, started.call_sid)
        elif request.transport is not None:
            wire = SocketWire(socket, request.transport)
            await self._carry(wire, socket, call, protocol, started)
        return socket

    async def _lead_on(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        address: str,
        first: list[str],
        call_sid: str,
    ) -> None:
        if FORWARDED in request.headers:
            _log.warning("a stream that was led here is sent back: served at %s", address)
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER)
            return
        try:
            await forward(self._session, f"ws://{address}{STREAM_PATH}", socket, first)
        except ForwardError as error:
            _log.warning("a stream is sent back: %s", error)
            await self._desk.moved(call_sid, address)
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER)

    async def _start(
        self, socket: web.WebSocketResponse, protocol: StreamProtocol
    ) -> tuple[list[str], Started]:
        """Read up to `start`; gives the messages as they came, too."""
        texts = []
        try:
            async with self._newcomer():
                while True:
                    texts.append(await _text(socket))
                    message = protocol.receive(texts[-1], self._loop.time())
                    if isinstance(message, Started):
                        return texts, message
        except TimeoutError as error:
            raise StreamError(Fault.NO_START, "no start came in time") from error

    @asynccontextmanager
    async def _newcomer(self) -> AsyncIterator[None]:
        """Bound the time of one that has not started, and the number of such."""
        async with asyncio.timeout(self._limits.start_seconds) as limit:
            self._newcomers[limit] = None
            if len(self._newcomers) > MAX_NEWCOMERS:
                oldest = next(iter(self._newcomers))
                del self._newcomers[oldest]
                oldest.reschedule(self._loop.time())
            try:
                yield
            finally:
                self._newcomers.pop(limit, None)

    async def _carry(
        self,
        wire: SocketWire,
        socket: web.WebSocketResponse,
        call: TwilioTransport,
        protocol: StreamProtocol,
        started: Started,
    ) -> None:
        """Carry a call until its stream ends."""
        if not call.connect(wire, started.stream_sid):
            await socket.close()
            return
        for_good = False
        try:
            async for message in socket:
                call.receive(protocol.receive(_checked(message), self._loop.time()))
        except StreamError as error:
            for_good = True
            await self._refuse(socket, error)
        finally:
            call.disconnect(wire, for_good=for_good)

    async def _refuse(self, socket: web.WebSocketResponse, error: StreamError) -> None:
        self._on_fault(error.fault)
        _log.warning("stream refused: %s", error, extra={"fault": error.fault})
        await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION)


async def _text(socket: web.WebSocketResponse) -> str:
    message = await socket.receive()
    if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.ERROR}:
        return _checked(message)
    raise StreamError(Fault.NO_START, "the socket was closed before a start")


def _checked(message: aiohttp.WSMessage) -> str:
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise StreamError(Fault.NOT_TEXT, "a message is not short text")
    return str(message.data)


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise web.HTTPBadRequest(text="the form cannot be read\n") from error


def _answer(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")


@asynccontextmanager
async def serve(app: web.Application, port: int) -> AsyncIterator[int]:
    """Listen on all addresses while the block runs; gives the port."""
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 an Ingress comes from outside
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
