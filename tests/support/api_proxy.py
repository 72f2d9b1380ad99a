"""A door between one client and the API server that can be shut, frozen, or made to refuse.

It ends TLS with the API server's own certificate, so the client notices nothing, and so it can tell
watches from other requests: a network that loses only the long-lived streams is the worst one.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from switchboard_local.pki import ControlPlaneFiles
from switchboard_local.ports import LOOPBACK, free_port

_HOP = {"connection", "content-length", "transfer-encoding", "content-encoding", "host", "date"}
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass
class ApiProxy:
    """See the module."""

    upstream: str
    url: str
    frozen: bool = False
    """New watches stay silent too."""
    closed: bool = False
    """Every connection is dropped at once."""
    conflicts_every: int = 0
    """Each so-many-th write of another kind than Lease is answered 409; 0: none."""
    watches_cut: bool = False
    """New watches are dropped at once."""
    refused: int = 0
    watches: int = 0
    """Watches ever opened."""
    _streams: set[asyncio.Event] = field(default_factory=set)
    _writes: int = 0

    def freeze_open_watches(self) -> None:
        """Let the watches that are open stay open, and bring nothing ever again."""
        for stream in self._streams:
            stream.set()

    def cut_watches(self) -> None:
        """End the watches that are open, and let no new one through."""
        self.watches_cut = True
        for stream in self._streams:
            stream.set()

    def shut(self) -> None:
        """Drop everything, what is open and what comes."""
        self.closed = True
        self.cut_watches()

    def reopen(self) -> None:
        """Let everything through again."""
        self.closed = self.watches_cut = False

    async def answer(self, request: web.Request, upstream: aiohttp.ClientSession) -> web.Response:
        """Answer a request that is no watch."""
        if self._to_refuse(request):
            self.refused += 1
            status = {"kind": "Status", "reason": "Conflict", "message": "the storm", "code": 409}
            return web.json_response(status, status=409)
        async with self._forward(request, upstream, await request.read()) as answer:
            body = await answer.read()
        return web.Response(status=answer.status, body=body, headers=_headers(answer.headers))

    async def stream(
        self, request: web.Request, upstream: aiohttp.ClientSession
    ) -> web.StreamResponse:
        """Pass a watch on, until it freezes."""
        self.watches += 1
        dead = asyncio.Event()
        if self.frozen:
            dead.set()
        self._streams.add(dead)
        try:
            async with self._forward(request, upstream) as answer:
                out = web.StreamResponse(status=answer.status, headers=_headers(answer.headers))
                await out.prepare(request)
                copying = asyncio.ensure_future(self._copy(answer, out))
                dying = asyncio.ensure_future(dead.wait())
                try:
                    await asyncio.wait({copying, dying}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    copying.cancel()
                    alive = dying.cancel()
                if not alive and not self.watches_cut:
                    await asyncio.Event().wait()  # silence, until the client has had enough
                return out
        finally:
            self._streams.discard(dead)

    async def _copy(self, answer: aiohttp.ClientResponse, out: web.StreamResponse) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            async for chunk in answer.content.iter_any():
                await out.write(chunk)

    def _forward(
        self, request: web.Request, upstream: aiohttp.ClientSession, sent: bytes = b""
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = URL(self.upstream + request.raw_path, encoded=True)
        headers = _headers(request.headers) | {"Accept-Encoding": "identity"}
        return upstream.request(request.method, url, data=sent or None, headers=headers)

    def _to_refuse(self, request: web.Request) -> bool:
        if not self.conflicts_every or request.method not in _WRITES or "/leases" in request.path:
            return False
        self._writes += 1
        return self._writes % self.conflicts_every == 0


@contextlib.asynccontextmanager
async def api_proxy(upstream: str, files: ControlPlaneFiles) -> AsyncIterator[ApiProxy]:
    """Run a proxy in front of an API server."""
    port = free_port()
    proxy = ApiProxy(upstream, f"https://{LOOPBACK}:{port}")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(files.apiserver.cert, files.apiserver.key)
    trusting = ssl.create_default_context(cafile=str(files.ca))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    connector = aiohttp.TCPConnector(ssl=trusting, limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            watches = request.query.get("watch") == "true"
            if request.transport and (proxy.closed or (watches and proxy.watches_cut)):
                request.transport.abort()
                raise web.HTTPServiceUnavailable
            try:
                if watches:
                    return await proxy.stream(request, session)
                return await proxy.answer(request, session)
            except aiohttp.ClientError as error:
                raise web.HTTPBadGateway(text=str(error)) from error

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, port, ssl_context=serving).start()
            yield proxy
        finally:
            await runner.cleanup()


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP}
