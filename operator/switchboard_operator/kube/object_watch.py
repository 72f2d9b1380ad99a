"""A watch of one kind over all namespaces, from a list's version on, until the server ends it."""

from collections.abc import AsyncIterator

import orjson

from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.client import JSON, KubeClient
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object

_SERVER_SECONDS = "600"


class KubeObjectWatch:
    """The real `ObjectWatch`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def watch_objects(
        self, kind: Kind, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield type and object of each event, bookmarks too. Raises `KubeApiError`."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": _SERVER_SECONDS,
        }
        if selector:
            params["labelSelector"] = selector
        async for line in self._client.lines(kind, params, JSON):
            event = orjson.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                raise KubeApiError(
                    int(status.get("code", 0)),
                    str(status.get("reason", "Error")),
                    str(status.get("message", "")),
                )
            yield str(event["type"]), event["object"]
