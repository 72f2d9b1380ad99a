"""Watching what the operator makes itself: nine of ten objects in the cluster that concern it.

kopf takes several times as long for an event as the store does, lists every kind a second time at
its start, and watches only what it found then. So it has the kinds that people write, and each kind
of child has a small loop of its own: wait until it is served (KEDA's ScaledObject and the
Prometheus operator's PodMonitor may come later, or go), list it, watch it from there. A stream that
ends is taken up where it ended; after whatever breaks it, the next one begins with a list.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import SELECTORS, Kind
from switchboard_operator.kube.objects import Object, version_of
from switchboard_operator.watch.feed import Feed

_log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Between two watches, and between two looks whether a kind is served."""
MOST_AGAIN_SECONDS = 5.0
"""The same while the API server is away: so long a network may be back before a watch is."""

CALM_SECONDS = 30.0
"""A watch that stood for so long had come back."""

BOOKMARK = "BOOKMARK"
"""Type of the event that only says how far the stream is."""


class ObjectWatch(Protocol):
    """Streams how the objects of a kind change."""

    def watch_objects(
        self, kind: Kind, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield type and object of each event from a version on, until the stream ends.

        Raises `KubeApiError` where it cannot be gone on with.
        """


async def follow(watch: ObjectWatch, feed: Feed, discovery: Discovery, kind: Kind) -> None:
    """Keep the store true for one kind, for ever.

    An outage is logged once for each kind, and its end; it is tried against more and more slowly.
    """
    now = asyncio.get_running_loop().time
    failures, said = 0, False
    while True:
        began = now()
        if feed.is_open and discovery.has(kind):
            try:
                version = feed.opened_at.pop(kind, "") or await feed.sweep(kind)
                if said:
                    _log.info("watch of %s is back", kind.plural)
                    said = False
                await _watch(watch, feed, kind, version)
            except NotFoundError:
                discovery.missing(kind)
            except KubeApiError as error:
                failures = 1 if now() - began > CALM_SECONDS else failures + 1
                if failures == 1:
                    _log.warning("watch of %s broke, starting again: %s", kind.plural, error)
                    said = True
        await asyncio.sleep(min(max(failures, 1) * AGAIN_SECONDS, MOST_AGAIN_SECONDS))


async def _watch(watch: ObjectWatch, feed: Feed, kind: Kind, version: str) -> None:
    selector = SELECTORS.get(kind, "")
    while True:
        async for event, obj in watch.watch_objects(kind, selector, version):
            version = str(version_of(obj))
            if event != BOOKMARK:
                feed.event(kind, event, obj)
        await asyncio.sleep(AGAIN_SECONDS)
