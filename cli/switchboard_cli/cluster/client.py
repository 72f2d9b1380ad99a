"""The operator's Kubernetes client, as a person uses it: in one namespace, with logs."""

from collections.abc import Mapping

import aiohttp
from typing_extensions import override

from switchboard_cli.cluster.kubeconfig import Target
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.client import KubeClient
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object

FIELD_MANAGER = "switchboard-cli"
EVENT = Kind("", "v1", "Event", "events")
POD = Kind("", "v1", "Pod", "pods")
NAMESPACE_PAGE = "500"
_OK = 200


class ClusterClient(KubeClient):
    """See the module."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.login, connections=8, on_write=lambda _kind, _verb: None)

    async def list_in(self, kind: Kind, namespace: str = "", **params: str) -> list[Object]:
        """Return the objects of a namespace, or of all; `params` as the API names them."""
        query = {"limit": NAMESPACE_PAGE, **params}
        items: list[Object] = []
        while True:
            page = await self._request("GET", kind.path(namespace), params=query)
            items += page.get("items") or []
            if not (token := (page.get("metadata") or {}).get("continue")):
                return items
            query["continue"] = token

    async def version(self) -> Object:
        """Return what the API server says of itself."""
        return await self._request("GET", "/version")

    async def text(self, path: str, params: Mapping[str, str]) -> str:
        """Return an answer that is not JSON: a log."""
        url = self._server + path
        try:
            async with self._session.get(url, params=params, headers=self._headers) as response:
                body = await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise KubeApiError(0, "Unreachable", f"GET {path}: {error}") from error
        if response.status != _OK:
            raise KubeApiError(response.status, "Error", body[:200])
        return body

    @override
    async def _write(
        self,
        verb: str,
        kind: Kind,
        method: str,
        path: str,
        body: object,
        *,
        content: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Object:
        own = {"fieldManager": FIELD_MANAGER, **(params or {})}
        return await super()._write(verb, kind, method, path, body, content=content, params=own)
