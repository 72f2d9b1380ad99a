"""A watch that brings names only: no data of anybody's Secret enters this process.

It starts from now, without a list: whoever depends on an object has read it by name.
"""

from collections.abc import AsyncIterator

import orjson

from switchboard_operator.kube.client import KubeClient
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import name_of, namespace_of
from switchboard_operator.store import Ref

_ACCEPT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_SERVER_SECONDS = "600"


class KubeMetadataWatch:
    """The real `MetadataWatch`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def watch_metadata(self, kind: Kind) -> AsyncIterator[Ref | None]:
        """Yield None once the watch stands, then the name of each object that changes."""
        page = await self._client.page(kind, {"limit": "1"})
        version = str(page["metadata"]["resourceVersion"])
        yield None
        while True:
            params = {
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": _SERVER_SECONDS,
            }
            async for line in self._client.lines(kind, params, _ACCEPT):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    return
                obj = event["object"]
                version = str(obj["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    yield Ref(kind, namespace_of(obj), name_of(obj))
