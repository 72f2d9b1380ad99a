"""kopf, used for its watches only: `on.event`, no writes, no finalizers, no peering, no posting.

It watches what people write, and the lease (see `canary`); `children` has the rest.

One stream for each kind over all namespaces, with label selectors that the API server applies.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import kopf
from kopf._core.engines.peering import Identity

from switchboard_contract import names
from switchboard_operator.canary import Canary
from switchboard_operator.kube.client import PAGE_LIMIT
from switchboard_operator.kube.credentials import Login
from switchboard_operator.kube.kinds import LEASE, OF_PEOPLE, SELECTORS, Kind
from switchboard_operator.kube.objects import Object, version_of
from switchboard_operator.watch.feed import Feed
from switchboard_operator.watch.no_storage import NoDiffBase, NoProgress

RETRY_SECONDS = (1.0, 1.0, 2.0, 3.0)
MOST_RETRY_SECONDS = 5.0
"""So long a network may be back before a watch is."""


class Retries:
    """Delays between the tries of a request, for ever.

    kopf's own end after a minute, and with them the process. Whether watches have been away for too
    long is the canary's to say: it knows whether the rest of the API answers.
    """

    def __iter__(self) -> Iterator[float]:
        """Begin anew, for a new request."""
        return itertools.chain(RETRY_SECONDS, itertools.repeat(MOST_RETRY_SECONDS))


_OF_OURS = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


async def run(feed: Feed, login: Login, canary: Canary, started: asyncio.Event) -> None:
    """Watch until cancelled; `started` is set when the watches are about to begin.

    On its way out kopf cancels every task that was made after this call: start the others first.
    """
    await kopf.operator(
        registry=_registry(feed, login, canary),
        settings=_settings(),
        standalone=True,
        clusterwide=True,
        ready_flag=started,
        # Left out, kopf asks for the user's name, which the uid of a container has none of.
        identity=Identity("switchboard-operator"),
    )


def _registry(feed: Feed, login: Login, canary: Canary) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def log_in(**_: object) -> kopf.ConnectionInfo:
        return await asyncio.to_thread(login)

    kopf.on.login(registry=registry)(log_in)
    for kind in OF_PEOPLE:
        _watch(registry, kind, partial(feed.event, kind))

    def on_lease(event_type: str | None, lease: Object) -> None:
        canary.seen(version_of(lease))
        if event_type is None:
            feed.started_over()

    _watch(registry, LEASE, on_lease)
    return registry


def _watch(
    registry: kopf.OperatorRegistry, kind: Kind, take: Callable[[str | None, Object], None]
) -> None:
    async def on_event(event: kopf.RawEvent, **_: object) -> None:
        take(event["type"], cast("Object", event["object"]))

    where = (kind.group, kind.version, kind.plural)
    kopf.on.event(*where, registry=registry, id=f"watch-{kind.plural}")(on_event)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # kinds are fixed: no watch on CustomResourceDefinitions
    settings.watching.chunk_size = PAGE_LIMIT
    settings.networking.error_backoffs = Retries()
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.process.ultimate_exiting_timeout = None  # `main` bounds the shutdown
    for kind, selector in (SELECTORS | {LEASE: _OF_OURS}).items():
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
    return settings
