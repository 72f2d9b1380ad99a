"""Watching kinds that not every cluster has, for as long as it has them.

kopf watches what it finds at its start, and these (KEDA's ScaledObject, the Prometheus operator's
PodMonitor) may come later, or go. So each has a small loop of its own: wait until it is served,
list it, watch it from there; whatever ends the watch, begin again. Without a watch a hand-edited
object would wait for the slow full list, and with it what ScalingReady says.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import SELECTORS, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.watch.feed import Feed

_log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Between two watches, and between two looks whether a kind is served."""


class ObjectWatch(Protocol):
    """Streams how the objects of a kind change."""

    def watch_objects(
        self, kind: Kind, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield type and object of each event from a version on, until the stream ends."""


async def follow(watch: ObjectWatch, feed: Feed, discovery: Discovery, kind: Kind) -> None:
    """Keep the store true for one optional kind, for ever."""
    while True:
        if feed.is_open and discovery.has(kind):
            try:
                await _watch(watch, feed, kind)
            except NotFoundError:
                discovery.missing(kind)
            except KubeApiError as error:
                _log.warning("watch of %s broke, starting again: %s", kind.plural, error)
        await asyncio.sleep(AGAIN_SECONDS)


async def _watch(watch: ObjectWatch, feed: Feed, kind: Kind) -> None:
    version = await feed.sweep(kind)
    selector = SELECTORS.get(kind, "")
    async for event, obj in watch.watch_objects(kind, selector, version):
        feed.event(kind, event, obj)
