"""Revisions and lines from ConfigMaps: list, then watch from there, while the worker lives.

Plain aiohttp instead of a Kubernetes client: two GET requests are all a worker ever sends, and its
image and memory stay small. A watch that ends is resumed from the last version seen; when that
version is too old (410 Gone) the list is read again. With the API server away the worker goes on
with what it has.
"""

import asyncio
import json
import logging
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.worker.backoff import Backoff
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.names import LABEL_POOL, LINE_KEY, REVISION_KEY

WATCH_SECONDS = 300
"""The server ends a watch after this; it is resumed without reading the list again."""

SHORT_WATCH_SECONDS = 5.0
"""A watch that ends sooner was not ended by time: do not hammer the server."""

READ_SECONDS = WATCH_SECONDS + 30
"""A watch that is silent for longer has lost its connection."""

FETCH_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
"""A call waits for this one request."""

LINE_LIMIT_BYTES = 4 * 1024 * 1024
"""One watch event holds one ConfigMap, which Kubernetes limits to 1 MiB."""

_log = logging.getLogger(__name__)


class WatchExpiredError(Exception):
    """The version to resume from is too old: list again."""


class KubernetesApiError(Exception):
    """The API server refused or answered nonsense."""


@dataclass(frozen=True, slots=True)
class KubernetesAccess:
    """How to reach the API server."""

    url: str
    token_file: Path | None = None
    """Read for each request: Kubernetes replaces it before it expires."""
    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None

    def ssl_context(self) -> ssl.SSLContext | bool:
        """Trust the cluster's own authority; True means the usual checks."""
        if self.ca_file is None and self.client_cert_file is None:
            return True
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.client_cert_file is not None:
            context.load_cert_chain(self.client_cert_file, self.client_key_file)
        return context

    def headers(self) -> dict[str, str]:
        """Bearer token, if there is one."""
        if self.token_file is None:
            return {}
        return {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}


class KubernetesRevisions:
    """`RevisionSource` for one worker pool in one namespace."""

    def __init__(
        self, access: KubernetesAccess, *, namespace: str, pool: str, backoff: Backoff | None = None
    ) -> None:
        self._access = access
        self._path = f"{access.url.rstrip('/')}/api/v1/namespaces/{namespace}/configmaps"
        self._selector = f"{LABEL_POOL}={pool}"
        self._backoff = backoff or Backoff(first_seconds=0.25, last_seconds=15.0)

    async def run(self, store: RevisionStore) -> None:
        """Report ConfigMaps until cancelled."""
        loop = asyncio.get_running_loop()
        version: str | None = None
        while True:
            began = loop.time()
            try:
                async with self._session() as session:
                    if version is None:
                        version = await self._list(session, store)
                    version = await self._watch(session, store, version)
            except WatchExpiredError:
                version = None
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                _log.warning(
                    "revisions are not being watched: %s", str(error) or type(error).__name__
                )
            except KubernetesApiError as error:
                version = None
                _log.warning("revisions are not being watched: %s", error)
            except (KeyError, TypeError, AttributeError):
                version = None
                _log.exception("revisions are not being watched: answer of unknown shape")
            if loop.time() - began > SHORT_WATCH_SECONDS:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next_seconds())

    async def fetch(self, wanted: DispatchMetadata, store: RevisionStore) -> None:
        """One direct GET for a revision that a call asks for and the watch has not shown yet."""
        name = f"{wanted.agent.rpartition('/')[2]}-{wanted.revision}"
        try:
            async with (
                self._session() as session,
                session.get(
                    f"{self._path}/{name}", headers=self._access.headers(), timeout=FETCH_TIMEOUT
                ) as response,
            ):
                if response.status == HTTPStatus.OK:
                    await _report(store, await response.json())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            _log.warning("revision %s could not be fetched: %s", name, error)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._access.ssl_context()),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=READ_SECONDS),
            read_bufsize=LINE_LIMIT_BYTES,
        )

    async def _list(self, session: aiohttp.ClientSession, store: RevisionStore) -> str:
        """Read all there is; gives the version to watch from."""
        async with session.get(
            self._path, params={"labelSelector": self._selector}, headers=self._access.headers()
        ) as response:
            await _raise_for(response)
            body = await response.json()
        items = body.get("items") or []
        store.keep_only(frozenset(item["metadata"]["name"] for item in items))
        for item in items:
            await _report(store, item)
        return str(body["metadata"]["resourceVersion"])

    async def _watch(
        self, session: aiohttp.ClientSession, store: RevisionStore, version: str
    ) -> str:
        """Follow changes until the server ends the watch; gives the version to resume from."""
        params = {
            "labelSelector": self._selector,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with session.get(
            self._path, params=params, headers=self._access.headers()
        ) as response:
            await _raise_for(response)
            async for line in response.content:
                if line.strip():
                    version = await _apply(store, json.loads(line)) or version
        return version


async def _apply(store: RevisionStore, event: dict[str, Any]) -> str | None:
    """One watch event; gives the version it brings."""
    item = event.get("object") or {}
    match event.get("type"):
        case "ERROR":
            if item.get("code") == HTTPStatus.GONE:
                raise WatchExpiredError
            raise KubernetesApiError(str(item.get("message", "watch failed")))
        case "ADDED" | "MODIFIED":
            await _report(store, item)
        case "DELETED":
            store.drop(item["metadata"]["name"])
        case _:  # a bookmark carries only its version
            pass
    version = item.get("metadata", {}).get("resourceVersion")
    return None if version is None else str(version)


async def _report(store: RevisionStore, item: dict[str, Any]) -> None:
    name = item["metadata"]["name"]
    if (line := _text(item, LINE_KEY)) is not None:
        store.lines.put(name, line)
        return
    text = _text(item, REVISION_KEY)
    if text is None:
        _log.warning("ConfigMap %s has no key %s and is ignored", name, REVISION_KEY)
    elif name not in store.objects:  # revisions are immutable: the same name is the same content
        await store.put(name, text)


def _text(item: dict[str, Any], key: str) -> str | None:
    text = (item.get("data") or {}).get(key)
    return text if isinstance(text, str) else None


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    if response.status == HTTPStatus.GONE:
        raise WatchExpiredError
    if response.status != HTTPStatus.OK:
        detail = (await response.text())[:200]
        raise KubernetesApiError(
            f"{response.status} from the Kubernetes API ({detail}); "
            "the worker's service account needs get, list and watch on configmaps"
        )
