"""Serves the page on loopback, and gives a ticket for each call.

A ticket costs money and a worker's place, so others must not get one. The page lies under a random
path, which other users of the machine do not know; it is served under loopback names only, so that
no name of somebody else leads to it (DNS rebinding); and a ticket is given to this page alone, not
to pages of other origins that the same browser shows.
"""

import html
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlsplit

from aiohttp import web

from switchboard_api.talk.ticket import Ticket

LOOPBACK = "127.0.0.1"
NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})
"""Hosts by which a browser may ask: itself, or the near end of a forwarded port."""

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class NoTicketError(Exception):
    """No call can be placed now; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class TalkPage:
    """What one page is for."""

    agent: str
    """Shown as its title."""
    livekit_url: str
    """Where the browser joins: ws:// or wss://."""
    ask: Callable[[], Awaitable[Ticket]]
    """Raises `NoTicketError`."""


def application(page: TalkPage, path: str) -> web.Application:
    """Return the web application; everything is below `/<path>/`."""
    files = _files(page)
    headers = _headers(page.livekit_url)

    async def show(request: web.Request) -> web.Response:
        name = request.match_info["name"] or "index.html"
        if name not in files:
            raise web.HTTPNotFound
        kind = _TYPES[f".{name.rpartition('.')[2]}"]
        return web.Response(body=files[name], content_type=kind, charset="utf-8")

    async def call(request: web.Request) -> web.Response:
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="calls are placed from this page only")
        try:
            ticket = await page.ask()
        except NoTicketError as error:
            return web.json_response({"error": str(error)}, status=409)
        return web.json_response(
            {"url": page.livekit_url, "room": ticket.room, "token": ticket.token}
        )

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    app = web.Application(middlewares=[_loopback_names_only], client_max_size=1024)
    app.on_response_prepare.append(add_headers)
    app.router.add_get(f"/{path}/{{name:[a-z.]*}}", show)
    app.router.add_post(f"/{path}/call", call)
    return app


@asynccontextmanager
async def serve(page: TalkPage, port: int) -> AsyncIterator[str]:
    """Serve until the block ends; gives the address. Port 0 is a free one. Raises `OSError`."""
    path = secrets.token_urlsafe(12)
    runner = web.AppRunner(application(page, path), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        await site.start()
        bound = runner.addresses[0][1]
        yield f"http://{LOOPBACK}:{bound}/{path}/"
    finally:
        await runner.cleanup()


@web.middleware
async def _loopback_names_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.host.rpartition(":")[0] not in NAMES and request.host not in NAMES:
        raise web.HTTPForbidden(text="this page is for the machine it runs on")
    return await handler(request)


def _files(page: TalkPage) -> Mapping[str, bytes]:
    folder = resources.files(__package__) / "page"
    found = {file.name: file.read_bytes() for file in folder.iterdir()}
    title = html.escape(page.agent).encode()
    return found | {"index.html": found["index.html"].replace(b"{agent}", title)}


def _headers(livekit_url: str) -> Mapping[str, str]:
    livekit = urlsplit(livekit_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        f"connect-src 'self' {livekit.scheme}://{livekit.netloc}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
