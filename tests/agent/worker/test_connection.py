"""The worker's WebSocket against a server on this machine that misbehaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.protocol import agent as pb

from switchboard_agent.worker.backoff import Backoff
from switchboard_agent.worker.connection import WorkerConnection
from switchboard_agent.worker.events import Offered, Registered, WorkerEvent
from switchboard_agent.worker.protocol import Registration
from tests.agent.worker.test_protocol import offer, registered

Script = Callable[[web.WebSocketResponse, int], Awaitable[None]]


@contextlib.asynccontextmanager
async def connected(
    script: Script,
) -> AsyncIterator[tuple[WorkerConnection, asyncio.Queue[WorkerEvent]]]:
    """A worker connected to a server that follows `script` on its n-th connection."""
    count = 0

    async def agent(request: web.Request) -> web.WebSocketResponse:
        nonlocal count
        count += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await script(socket, count)
        return socket

    app = web.Application()
    app.router.add_get("/agent", agent)
    events: asyncio.Queue[WorkerEvent] = asyncio.Queue()
    async with TestServer(app) as server:
        connection = WorkerConnection(
            url=f"ws://{server.host}:{server.port}",
            api_key="key",
            api_secret="secret-that-is-long-enough-for-hs256",
            registration=Registration("ns.agent", "1"),
            on_event=events.put_nowait,
            backoff=Backoff(first_seconds=0.01, last_seconds=0.02),
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(connection.run())
            try:
                async with asyncio.timeout(5):
                    yield connection, events
            finally:
                running.cancel()


async def serve(socket: web.WebSocketResponse) -> None:
    """Register the worker and read until it goes."""
    await socket.receive_bytes()
    await socket.send_bytes(registered())
    async for _ in socket:
        pass


@pytest.mark.parametrize(
    "garbage",
    [b"\xff" * 64, b"", b"\x00" * 1000, "text instead of bytes", "{}"],
)
async def test_garbage_is_logged_and_the_worker_registers_again(
    garbage: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(socket: web.WebSocketResponse, count: int) -> None:
        if count > 1:
            await serve(socket)
            return
        await socket.receive_bytes()
        if isinstance(garbage, str):
            await socket.send_str(garbage)
        else:
            await socket.send_bytes(garbage)
        await socket.close()

    async with connected(script) as (connection, events):
        assert isinstance(await events.get(), Registered)
        assert connection.registered
    assert any(record.levelname in {"ERROR", "WARNING"} for record in caplog.records)


async def test_refused_key_names_the_settings_to_check(caplog: pytest.LogCaptureFixture) -> None:
    seen = asyncio.Event()

    async def refuse(_: web.Request) -> web.Response:
        seen.set()
        return web.Response(status=401)

    app = web.Application()
    app.router.add_get("/agent", refuse)
    async with TestServer(app) as server:
        connection = WorkerConnection(
            url=f"ws://{server.host}:{server.port}",
            api_key="key",
            api_secret="secret-that-is-long-enough-for-hs256",
            registration=Registration("ns.agent", "1"),
            on_event=lambda _: None,
            backoff=Backoff(first_seconds=0.01, last_seconds=0.02),
        )
        running = asyncio.ensure_future(connection.run())
        await asyncio.wait_for(seen.wait(), 5)
        while "SWITCHBOARD_LIVEKIT_API_KEY" not in caplog.text:  # noqa: ASYNC110 a log line
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_offer_is_answered_on_the_same_connection() -> None:
    answer: asyncio.Future[pb.WorkerMessage] = asyncio.get_running_loop().create_future()

    async def script(socket: web.WebSocketResponse, _: int) -> None:
        await socket.receive_bytes()
        await socket.send_bytes(registered())
        await socket.send_bytes(offer("J1"))
        async for message in socket:
            parsed = pb.WorkerMessage.FromString(message.data)
            if parsed.WhichOneof("message") == "availability" and not answer.done():
                answer.set_result(parsed)

    async with connected(script) as (connection, events):
        assert isinstance(await events.get(), Registered)
        assert isinstance(await events.get(), Offered)
        connection.accept("J1", "agent-J1")
        assert (await answer).availability.available


async def test_server_that_closes_is_joined_again_and_again() -> None:
    async def script(socket: web.WebSocketResponse, count: int) -> None:
        if count == 4:
            await serve(socket)
        else:
            await socket.receive_bytes()
            await socket.send_bytes(registered())
            await socket.close()

    async with connected(script) as (_, events):
        for _ in range(4):
            assert isinstance(await events.get(), Registered)
