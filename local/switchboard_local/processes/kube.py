"""The few requests that the runner makes to the API server."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

REQUEST_SECONDS = 10.0
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Kube:
    """An open connection to the API server, as its administrator."""

    url: str
    session: aiohttp.ClientSession

    async def deployments(self, selector: str) -> list[dict[str, Any]]:
        """Return all Deployments with these labels, of every namespace."""
        url = f"{self.url}/apis/apps/v1/deployments"
        async with self.session.get(url, params={"labelSelector": selector}) as answer:
            answer.raise_for_status()
            body: dict[str, Any] = await answer.json()
            return list(body["items"])

    async def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a Secret's data, decoded; None where there is none."""
        data = await self._data(namespace, "secrets", name)
        if data is None:
            return None
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    async def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a ConfigMap's data; None where there is none."""
        return await self._data(namespace, "configmaps", name)

    async def patch_deployment_status(
        self, namespace: str, name: str, status: dict[str, Any]
    ) -> None:
        """Set fields of a Deployment's status; one that is gone is no error."""
        url = f"{self.url}/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        async with self.session.patch(url, json={"status": status}, headers=headers) as answer:
            if answer.status != NOT_FOUND:
                answer.raise_for_status()

    async def _data(self, namespace: str, kind: str, name: str) -> dict[str, str] | None:
        url = f"{self.url}/api/v1/namespaces/{namespace}/{kind}/{name}"
        async with self.session.get(url) as answer:
            if answer.status == NOT_FOUND:
                return None
            answer.raise_for_status()
            body = await answer.json()
            return dict(body.get("data") or {})


@asynccontextmanager
async def open_kube(url: str, *, ca_file: Path, token: str) -> AsyncIterator[Kube]:
    """Connect with a token."""
    trust = ssl.create_default_context(cafile=ca_file)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust),
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
    ) as session:
        yield Kube(url, session)
