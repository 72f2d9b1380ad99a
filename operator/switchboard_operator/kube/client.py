"""A thin Kubernetes client on aiohttp: plain dicts in, plain dicts out.

Why not the official package's async side: on 2 cores it took 18 ms of CPU per VoiceAgent where this
takes 12 (36 against 59 VoiceAgents a second), and it adds 51 MB of memory and 75 MB of image for
model classes that nobody here uses. All requests go through the `KubeApi` protocol, so it can be
put back behind it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

import aiohttp
import orjson
from typing_extensions import override

from switchboard_contract import names
from switchboard_operator.errors import ConflictError, KubeApiError, NotFoundError
from switchboard_operator.kube.credentials import Login
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object, name_of, namespace_of
from switchboard_operator.observe import Around, unobserved

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
DISCOVERY = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)
"""Aggregated discovery; Kubernetes 1.29 has it as v2beta1."""
PAGE_LIMIT = 100
"""Objects a list request. A page takes ten times its size in memory, and the process keeps it."""

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=90)
"""The API server sends a bookmark each minute: a silent stream is a dead one."""
_LINE_BYTES = 2**22
"""Longest line of a watch: an object with its annotations."""
_OK = 200
_UNAUTHORIZED = 401
_ERRORS: dict[int, type[KubeApiError]] = {404: NotFoundError, 409: ConflictError}

OnWrite = Callable[[Kind, str], None]
"""Called with kind and verb after each write; counts them."""


class KubeApi(Protocol):
    """What the operator asks of the Kubernetes API."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return one object; NotFoundError if it is not there."""

    def pages(self, kind: Kind, selector: str = "") -> AsyncIterator[tuple[list[Object], str]]:
        """Yield all objects page by page, each with the resourceVersion of the whole list.

        Who keeps little of each object needs no memory for more than a page.
        """

    async def list_all(self, kind: Kind, selector: str = "") -> tuple[list[Object], str]:
        """Return all objects, and the resourceVersion of the list."""
        items: list[Object] = []
        version = ""
        async for page, version in self.pages(kind, selector):  # noqa: B007  the last one's counts
            items += page
        return items, version

    async def create(self, kind: Kind, obj: Object) -> Object:
        """POST; ConflictError if it exists."""

    async def apply(self, kind: Kind, obj: Object, subresource: str = "") -> Object:
        """Server-side apply under our field manager."""

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: object, *, subresource: str = ""
    ) -> Object:
        """JSON patch (a list) or merge patch (a dict)."""

    async def delete(self, kind: Kind, obj: Object) -> None:
        """Delete exactly this object (by UID); no error if it is gone."""

    async def discover(self) -> list[Object]:
        """Return the served API groups with their resources (APIGroupDiscovery)."""


class KubeClient(KubeApi):
    """The real one."""

    def __init__(
        self,
        login: Login,
        *,
        connections: int,
        on_write: OnWrite,
        around: Around = unobserved,
    ) -> None:
        self._login = login
        self._around = around
        self._on_write = on_write
        info = login()
        self._server = info.server.rstrip("/")
        self._headers = dict(info.as_http_headers())
        ssl = info.as_ssl_context() if self._server.startswith("https") else False
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ssl=ssl),
            timeout=_TIMEOUT,
            read_bufsize=_LINE_BYTES,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    @override
    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        return await self._request("GET", kind.path(namespace, name))

    @override
    async def pages(
        self, kind: Kind, selector: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        params = {"limit": str(PAGE_LIMIT)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self._request("GET", kind.path(), params=params)
            metadata = page["metadata"]
            yield page.get("items") or [], str(metadata["resourceVersion"])
            if not (token := metadata.get("continue")):
                return
            params["continue"] = token

    @override
    async def create(self, kind: Kind, obj: Object) -> Object:
        path = kind.path(namespace_of(obj))
        # What the API server does not know it would drop, and we would write again for ever.
        params = {"fieldValidation": "Strict"}
        return await self._write("create", kind, "POST", path, obj, params=params)

    @override
    async def apply(self, kind: Kind, obj: Object, subresource: str = "") -> Object:
        path = kind.path(namespace_of(obj), name_of(obj), subresource)
        verb = f"apply_{subresource}" if subresource else "apply"
        params = {"force": "true"}
        return await self._write(verb, kind, "PATCH", path, obj, content=APPLY, params=params)

    @override
    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: object, *, subresource: str = ""
    ) -> Object:
        path = kind.path(namespace, name, subresource)
        content = JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
        return await self._write("patch", kind, "PATCH", path, patch, content=content)

    @override
    async def delete(self, kind: Kind, obj: Object) -> None:
        path = kind.path(namespace_of(obj), name_of(obj))
        options = {
            "preconditions": {"uid": obj["metadata"]["uid"]},
            "propagationPolicy": "Background",
        }
        try:
            await self._write("delete", kind, "DELETE", path, options)
        except NotFoundError:
            return

    @override
    async def discover(self) -> list[Object]:
        answer = await self._request("GET", "/apis", accept=DISCOVERY)
        return list(answer.get("items") or [])

    async def lines(
        self, kind: Kind, params: Mapping[str, str], accept: str
    ) -> AsyncIterator[bytes]:
        """Yield the lines of a watch until the server ends it."""
        headers = self._headers | {"Accept": accept}
        url = self._server + kind.path()
        try:
            async with self._session.get(
                url, params=params, headers=headers, timeout=_WATCH_TIMEOUT
            ) as response:
                if response.status != _OK:
                    _decode(response.status, await response.read())
                async for line in response.content:
                    yield line
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise _unreachable(f"watch of {kind.plural}", error) from error

    async def ask(self, kind: Kind, question: Object) -> Object:
        """POST a review: an answer comes back, nothing is kept."""
        return await self._request("POST", kind.path(), body=question)

    async def page(self, kind: Kind, params: Mapping[str, str]) -> Object:
        """Return one page of a list."""
        return await self._request("GET", kind.path(), params=params)

    async def _write(
        self,
        verb: str,
        kind: Kind,
        method: str,
        path: str,
        body: object,
        *,
        content: str = JSON,
        params: Mapping[str, str] | None = None,
    ) -> Object:
        params = {"fieldManager": names.FIELD_MANAGER, **(params or {})}
        answer = await self._request(method, path, params=params, body=body, content=content)
        self._on_write(kind, verb)
        return answer

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        content: str = JSON,
        accept: str = JSON,
    ) -> Object:
        async def once() -> tuple[int, bytes]:
            return await self._send(method, path, params, body, content, accept)

        with self._around(method, path):
            status, payload = await _translated(once, f"{method} {path}")
            if status == _UNAUTHORIZED:
                self._headers = dict((await asyncio.to_thread(self._login)).as_http_headers())
                status, payload = await _translated(once, f"{method} {path}")
            return _decode(status, payload)

    async def _send(  # noqa: PLR0917  the parts of a request
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: object,
        content: str,
        accept: str,
    ) -> tuple[int, bytes]:
        headers = self._headers | {"Accept": accept, "Content-Type": content}
        data = None if body is None else orjson.dumps(body)
        url = self._server + path
        async with self._session.request(
            method, url, params=params, data=data, headers=headers
        ) as response:
            return response.status, await response.read()


async def _translated(
    send: Callable[[], Awaitable[tuple[int, bytes]]], what: str
) -> tuple[int, bytes]:
    try:
        return await send()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _unreachable(what, error) from error


def _unreachable(what: str, error: Exception) -> KubeApiError:
    return KubeApiError(0, "Unreachable", f"{what}: {str(error) or type(error).__name__}")


def _decode(status: int, payload: bytes) -> Object:
    try:
        answer = orjson.loads(payload) if payload else {}
    except orjson.JSONDecodeError:
        answer = {"message": payload[:200].decode(errors="replace")}
    if status < 400:  # noqa: PLR2004  the first HTTP error status
        return answer if isinstance(answer, dict) else {}
    error = _ERRORS.get(status, KubeApiError)
    raise error(status, str(answer.get("reason", "Error")), str(answer.get("message", "")))
