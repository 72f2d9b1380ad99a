"""Streams that are led on take nothing from one another."""

import asyncio
from contextlib import AsyncExitStack

from aiohttp import web

from switchboard_agent.transport.twilio.forward import way_out
from switchboard_agent.transport.twilio.server import serve

MANY = 150


async def _hold(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket


async def test_many_streams_that_are_led_on_leave_a_way_out_for_the_next() -> None:
    app = web.Application()
    app.router.add_get("/", _hold)
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        port = await stack.enter_async_context(serve(app, 0))
        session = await stack.enter_async_context(way_out())
        for _ in range(MANY):
            await stack.enter_async_context(session.ws_connect(f"ws://127.0.0.1:{port}/"))
