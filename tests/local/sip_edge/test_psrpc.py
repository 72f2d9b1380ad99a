"""The psrpc server on a real Redis: one of several serves, and Redis may go and come back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisGone

from switchboard_local.servers import RedisServer, redis_server
from switchboard_local.sip_edge import psrpc_wire as wire
from switchboard_local.sip_edge.outgoing_model import Fault
from switchboard_local.sip_edge.outgoing_request import CannotPlaceError
from switchboard_local.sip_edge.psrpc import Method, PsrpcServer

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


class Client:
    """A psrpc client that does each step as the test says."""

    def __init__(self, redis: Redis, service: str) -> None:
        self._redis = redis
        self._service = service
        self._heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def listen(self, ready: asyncio.Event) -> None:
        names = {wire.channel(self._service, "CLI_t", kind): kind for kind in ("CLAIM", "RES")}
        async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
            await heard.subscribe(*names)
            ready.set()
            async for message in heard.listen():
                kind = names[message["channel"].decode()]
                name = "ClaimRequest" if kind == "CLAIM" else "Response"
                self._heard.put_nowait((kind, wire._opened(name, message["data"])))

    async def ask(self, payload: bytes, *, lasts_s: float = 5.0, request: str = "REQ_1") -> None:
        fields = {
            "request_id": request,
            "client_id": "CLI_t",
            "expiry": int((time.time() + lasts_s) * 1e9),
            "raw_request": payload,
        }
        await self._publish("REQ", wire._sealed("Request", fields))

    async def choose(self, server: str, request: str = "REQ_1") -> None:
        fields = {"request_id": request, "server_id": server}
        await self._publish("RCLAIM", wire._sealed("ClaimResponse", fields))

    async def hears(self, kind: str) -> Any:  # noqa: ANN401 - a message made at run time
        heard, message = await asyncio.wait_for(self._heard.get(), 5)
        assert heard == kind
        return message

    async def hears_nothing(self) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(self._heard.get(), 0.3)

    async def _publish(self, kind: str, data: bytes) -> None:
        heard = 0
        async with asyncio.timeout(10):
            while not heard:  # until a server has subscribed
                heard = await self._redis.publish(wire.channel(self._service, "Do", kind), data)
                await asyncio.sleep(0)


async def reversed_(payload: bytes, within_s: float) -> bytes:
    assert 0 < within_s <= 5
    if payload == b"busy":
        raise CannotPlaceError(Fault("resource_exhausted", "no", 486, "Busy Here"))
    if payload == b"broken":
        raise RuntimeError("broken")
    return payload[::-1]


@asynccontextmanager
async def served(
    url: str, service: str, *, servers: int = 1, full: bool = False
) -> AsyncIterator[Client]:
    """Run servers and a client for the block."""
    method = Method(service, "Do", reversed_, accepts=lambda: not full)
    async with Redis.from_url(url) as redis, asyncio.TaskGroup() as tasks:
        client, ready = Client(redis, service), asyncio.Event()
        running = [tasks.create_task(client.listen(ready))]
        running += [tasks.create_task(PsrpcServer(redis, method).run()) for _ in range(servers)]
        await ready.wait()
        async with asyncio.timeout(5):
            name = wire.channel(service, "Do", "REQ")
            while (await redis.pubsub_numsub(name))[0][1] < servers:
                pass
        yield client
        for task in running:
            task.cancel()


async def test_a_request_is_claimed_and_answered_once_it_is_given(redis: RedisServer) -> None:
    async with served(redis.url, "A") as client:
        await client.ask(b"abc")
        claim = await client.hears("CLAIM")
        await client.hears_nothing()
        await client.choose(claim.server_id)
        answer = await client.hears("RES")
        assert (answer.request_id, answer.raw_response) == ("REQ_1", b"cba")


async def test_of_several_servers_one_claims(redis: RedisServer) -> None:
    async with served(redis.url, "B", servers=3) as client:
        await client.ask(b"abc")
        await client.hears("CLAIM")
        await client.hears_nothing()


async def test_two_requests_under_one_id_are_one(redis: RedisServer) -> None:
    async with served(redis.url, "H") as client:
        await client.ask(b"abc")
        await client.ask(b"xyz")
        claim = await client.hears("CLAIM")
        await client.hears_nothing()
        await client.choose(claim.server_id)
        assert (await client.hears("RES")).raw_response == b"cba"
        await client.ask(b"xyz", request="REQ_2")
        await client.hears("CLAIM")


async def test_what_another_server_was_chosen_for_is_left_alone(redis: RedisServer) -> None:
    async with served(redis.url, "C") as client:
        await client.ask(b"abc")
        await client.hears("CLAIM")
        await client.choose("SRV_other")
        await client.hears_nothing()


async def test_a_full_server_claims_nothing_and_a_late_request_is_left(redis: RedisServer) -> None:
    async with served(redis.url, "D", full=True) as client:
        await client.ask(b"abc")
        await client.hears_nothing()
    async with served(redis.url, "E") as client:
        await client.ask(b"abc", lasts_s=-1.0)
        await client.hears_nothing()


@pytest.mark.parametrize(
    ("payload", "code"), [(b"busy", "resource_exhausted"), (b"broken", "internal")]
)
async def test_failures_are_answered_and_the_server_goes_on(
    redis: RedisServer, payload: bytes, code: str
) -> None:
    async with served(redis.url, f"F{code}") as client:
        for number in ("REQ_1", "REQ_2"):
            await client.ask(payload, request=number)
            claim = await client.hears("CLAIM")
            await client.choose(claim.server_id, number)
            answer = await client.hears("RES")
            assert (answer.request_id, answer.code) == (number, code)


async def test_redis_may_go_and_come_back(tmp_path: Path) -> None:
    method = Method("G", "Do", reversed_, accepts=lambda: True)
    async with asyncio.TaskGroup() as tasks:
        async with redis_server(tmp_path / "1") as server:
            serving = tasks.create_task(_serve(server.url, method))
            async with served(server.url, "G", servers=0) as client:
                await client.ask(b"abc")
                await client.hears("CLAIM")
        with pytest.raises(RedisGone):
            async with Redis.from_url(server.url) as redis:
                await redis.ping()
        async with (
            redis_server(tmp_path / "2", port=server.port),
            Redis.from_url(server.url) as redis,
        ):
            client, ready = Client(redis, "G"), asyncio.Event()
            listening = tasks.create_task(client.listen(ready))
            await ready.wait()
            await client.ask(b"abc", request="REQ_2")
            await client.hears("CLAIM")
            listening.cancel()
            serving.cancel()
            await asyncio.wait([listening, serving])


async def _serve(url: str, method: Method) -> None:
    async with Redis.from_url(url) as redis:
        await PsrpcServer(redis, method).run()
