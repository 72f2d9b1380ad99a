"""The edge as a psrpc server: livekit-server's questions come over Redis and are answered there.

Anybody who may write to Redis is trusted with calls, as with LiveKit's own bridge; but what cannot
be read is logged and dropped, and Redis may go and come back.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from switchboard_local.sip_edge import psrpc_wire as wire
from switchboard_local.sip_edge.json_log import log
from switchboard_local.sip_edge.outgoing_model import Fault
from switchboard_local.sip_edge.outgoing_request import CannotPlaceError

TAKEN_S = 5
"""How long a request is marked as taken; psrpc's own time."""

MAX_OPEN = 256
"""Requests worked on at once, most of them waiting for a phone; more are left to other bridges."""

CLAIM_S = 10.0
"""Longest wait for a client's choice, which takes it a second."""

RETRY_S = 1.0

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Method:
    """What is served."""

    service: str
    name: str
    serve: Callable[[bytes, float], Awaitable[bytes]]
    """Gives the response to a payload, within so many seconds. Raises `CannotPlaceError`."""
    accepts: Callable[[], bool]
    """Whether one more can be taken; another bridge may have room."""


class PsrpcServer:
    """Serves one method."""

    def __init__(self, redis: Redis, method: Method) -> None:
        self._redis = redis
        self._method = method
        self._id = f"SRV_{secrets.token_hex(6)}"
        self._requests = wire.channel(method.service, method.name, "REQ")
        self._choices = wire.channel(method.service, method.name, "RCLAIM")
        self._claims: dict[str, asyncio.Future[bool]] = {}
        """Of the requests that are worked on: whether the client has chosen us."""
        self._told = False

    async def run(self) -> None:
        """Serve for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._listen(tasks)
                except (RedisError, OSError) as error:
                    if not self._told:
                        self._told = True
                        log(_LOGGER, logging.WARNING, "waiting for Redis", text=str(error))
                    # The other connections are dead as well, and would fail the first request.
                    await self._redis.connection_pool.disconnect()
                    await asyncio.sleep(RETRY_S)

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
            await heard.subscribe(self._requests, self._choices)
            self._told = False
            log(_LOGGER, logging.INFO, "calls are placed", channel=self._requests)
            async for message in heard.listen():
                self._take(message, tasks)

    def _take(self, message: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        data: bytes = message["data"]
        try:
            if message["channel"] == self._choices.encode():
                self._chosen(wire.read_choice(data))
            else:
                self._asked(wire.read_request(data), wire.queue_key(data), tasks)
        except wire.MalformedRpcError as error:
            log(_LOGGER, logging.WARNING, "malformed psrpc message", text=str(error))

    def _chosen(self, choice: wire.Chosen) -> None:
        claim = self._claims.get(choice.request_id)
        if claim is not None and not claim.done():
            claim.set_result(choice.server_id == self._id)

    def _asked(self, request: wire.RpcRequest, key: str, tasks: asyncio.TaskGroup) -> None:
        full = len(self._claims) >= MAX_OPEN or not self._method.accepts()
        if full or request.request_id in self._claims or request.expires_s <= time.time():
            log(_LOGGER, logging.WARNING, "psrpc request left out", full=full)
            return
        self._claims[request.request_id] = asyncio.get_running_loop().create_future()
        tasks.create_task(self._guarded(request, key))

    async def _guarded(self, request: wire.RpcRequest, key: str) -> None:
        try:
            await self._answer(request, key)
        except (RedisError, OSError) as error:
            log(_LOGGER, logging.WARNING, "psrpc request lost with Redis", text=str(error))
        except Exception:
            _LOGGER.exception("psrpc request failed")
        finally:
            del self._claims[request.request_id]

    async def _answer(self, request: wire.RpcRequest, key: str) -> None:
        taken = await self._redis.set(key, secrets.randbits(32), nx=True, ex=TAKEN_S)
        if not taken or not await self._is_ours(request):
            return
        try:
            payload = await self._method.serve(request.payload, request.expires_s - time.time())
            answer = wire.success(request, self._id, time.time(), payload)
        except CannotPlaceError as error:
            answer = wire.failure(request, self._id, time.time(), error.fault)
        except Exception:
            _LOGGER.exception("psrpc request not served")
            broken = Fault("internal", "the SIP edge failed")
            answer = wire.failure(request, self._id, time.time(), broken)
        await self._publish(request, "RES", answer)

    async def _is_ours(self, request: wire.RpcRequest) -> bool:
        """Claim the request, and wait for the client's choice."""
        await self._publish(request, "CLAIM", wire.claim(request, self._id))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(CLAIM_S, request.expires_s - time.time())):
                return await self._claims[request.request_id]
        return False

    async def _publish(self, request: wire.RpcRequest, kind: str, data: bytes) -> None:
        name = wire.channel(self._method.service, request.client_id, kind)
        await self._redis.publish(name, data)
