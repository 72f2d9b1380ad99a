"""A small HTTP server that speaks list, get and watch of ConfigMaps as kube-apiserver does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.names import REVISION_KEY

NAMESPACE = "smile-dental"
POOL = "smile-dental.reception"


def config_map(config: AgentConfig, version: int) -> dict[str, Any]:
    """The ConfigMap that the operator would make."""
    return {
        "metadata": {
            "name": f"{config.name}-{config.revision}",
            "resourceVersion": str(version),
        },
        "data": {REVISION_KEY: config.to_json()},
    }


class FakeApi:
    """One namespace of ConfigMaps with a history that can be compacted."""

    def __init__(self) -> None:
        self.version = 1
        self.items: dict[str, dict[str, Any]] = {}
        self.oldest = 0
        """Versions below this are gone: watching from them gives 410."""
        self.lists = 0
        self.watches: list[str] = []
        self.refuse: int | None = None
        self._open: list[web.StreamResponse] = []
        self._changed = asyncio.Condition()

    async def put(self, config: AgentConfig) -> None:
        self.version += 1
        item = config_map(config, self.version)
        self.items[item["metadata"]["name"]] = item
        await self.send("ADDED", item)

    async def delete(self, config: AgentConfig) -> None:
        self.version += 1
        item = self.items.pop(f"{config.name}-{config.revision}")
        item["metadata"]["resourceVersion"] = str(self.version)
        await self.send("DELETED", item)

    async def send(self, kind: str, item: dict[str, Any]) -> None:
        line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        for response in self._open:
            with contextlib.suppress(ConnectionError):  # its client has left
                await response.write(line)

    async def end_watches(self) -> None:
        """As the server does after some minutes."""
        for response in self._open:
            with contextlib.suppress(ConnectionError):  # its client has left
                await response.write_eof()
        self._open.clear()
        async with self._changed:
            self._changed.notify_all()

    async def wait_for_watches(self, count: int) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: len(self.watches) >= count)

    async def list_or_watch(self, request: web.Request) -> web.StreamResponse:
        if self.refuse is not None:
            return web.Response(status=self.refuse, text="forbidden")
        assert request.query["labelSelector"] == f"switchboard.dev/pool={POOL}"
        assert request.headers["Authorization"] == "Bearer token-1"
        if request.query.get("watch") != "1":
            self.lists += 1
            return web.json_response(
                {
                    "metadata": {"resourceVersion": str(self.version)},
                    "items": list(self.items.values()),
                }
            )
        return await self._watch(request)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        version = request.query["resourceVersion"]
        response = web.StreamResponse()
        await response.prepare(request)
        if int(version) < self.oldest:
            gone = {"code": 410, "message": "too old resource version"}
            await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return response
        self._open.append(response)
        async with self._changed:
            self.watches.append(version)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: response not in self._open)
        return response

    async def get(self, request: web.Request) -> web.Response:
        item = self.items.get(request.match_info["name"])
        if item is None:
            return web.Response(status=404)
        return web.json_response(item)


@contextlib.asynccontextmanager
async def fake_api() -> AsyncIterator[tuple[FakeApi, str]]:
    """The server and its URL."""
    api = FakeApi()
    app = web.Application()
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    app.router.add_get(path, api.list_or_watch)
    app.router.add_get(path + "/{name}", api.get)
    async with TestServer(app) as server:
        yield api, f"http://{server.host}:{server.port}"
        await api.end_watches()
