"""From events to work: store, directory, queue.

`Feed` is where all news comes together. Until the start barrier falls it only fills the store;
then every key is queued once, and from there on whoever is touched by a change.

The barrier exists because watches deliver kinds interleaved: an agent reconciled before its
Deployment was listed would be "repaired" by thousands of false writes. So everything is listed in
full first. The lists have a second use (`sweep`): a watch that starts, or starts over, cannot say
what was deleted before, a full list can. So one follows each start, and each write that was refused
because what we know is not true any more.

Children are watched by loops of their own, which list for themselves (see `children`).
"""

import asyncio
import logging
import sys
from collections.abc import Callable

from switchboard_operator.directory import (
    Directory,
    Key,
    agent_key,
    model_server_key,
    tenant_key,
)
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import (
    OF_PEOPLE,
    OPTIONAL_CHILDREN,
    SELECTORS,
    TENANT,
    VOICE_AGENT,
    WATCHED,
    Kind,
)
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of
from switchboard_operator.store import Change, Ref, Store
from switchboard_operator.watch.missed import Missed

_log = logging.getLogger(__name__)

SWEEP_DELAY_SECONDS = 3.0
"""Calm after the last event of a fresh list before the full list that completes it."""

LISTS_AT_ONCE = 2
"""At the start: the API server makes one while the other is taken in."""


class Feed:
    """See the module."""

    def __init__(
        self,
        api: KubeApi,
        store: Store,
        directory: Directory,
        wake: Callable[[Key], None],
        *,
        discovery: Discovery,
        missed: Missed | None = None,
    ) -> None:
        self._api = api
        self._missed = missed or Missed(lambda _kind, _count: None)
        self._discovery = discovery
        self._store = store
        self._directory = directory
        self._wake = wake
        self._open = False
        self._listing = asyncio.Semaphore(LISTS_AT_ONCE)
        self._sweeps: dict[Kind, float] = {}
        self._sweep_asked = asyncio.Event()
        self.opened_at: dict[Kind, str] = {}
        """Versions of the first lists: where the first watch of a kind goes on from."""

    @property
    def is_open(self) -> bool:
        """Whether the barrier has fallen."""
        return self._open

    def event(self, kind: Kind, event_type: str | None, obj: Object) -> None:
        """Take in one watch event; type None is part of a fresh list."""
        if event_type is None:
            self.started_over()
        self._missed.brought(Ref(kind, namespace_of(obj), name_of(obj)))
        deleted = event_type == "DELETED"
        self._take(self._store.remove(kind, obj) if deleted else self._store.put(kind, obj))

    def started_over(self) -> None:
        """Note that a watch of kopf's lists anew: doubt every kind of its.

        A list without objects brings no event, so a kind whose last object is gone cannot say so
        itself. What makes one watch start over mostly hits all, and the lease is never missing.
        """
        if self._open:
            for kind in OF_PEOPLE:
                self.doubt(kind)

    async def open(self) -> None:
        """List everything, then let the barrier fall."""
        await self._discovery.refresh()
        async with asyncio.TaskGroup() as group:
            for kind in self._served():
                group.create_task(self._open_kind(kind))
        self._open = True
        for kind in OF_PEOPLE:
            self.doubt(kind)  # what was deleted between these lists and kopf's
        self.wake_everybody()

    async def _open_kind(self, kind: Kind) -> None:
        async with self._listing:
            self.opened_at[kind] = await self.sweep(kind)

    def wake_everybody(self) -> None:
        """Queue every key, those whose spec nobody has looked at yet first."""
        for agent in sorted(self._store.all(VOICE_AGENT), key=_is_observed):
            self._wake(agent_key(agent))
        for tenant in self._store.all(TENANT):
            self._wake(tenant_key(name_of(tenant)))
        for server in self._directory.model_servers():
            self._wake(model_server_key(server))

    async def sweep(self, kind: Kind) -> str:
        """List a kind in full and take in what the watch missed; return the list's version."""
        alive: set[str] = set()
        version = "0"
        async for page, version in self._api.pages(kind, SELECTORS.get(kind, "")):  # noqa: B007
            self._found(kind, [change for raw in page if (change := self._store.put(kind, raw))])
            alive |= {uid_of(raw) for raw in page}
        self._found(kind, self._store.retain(kind, alive, int(version)))
        return version

    def _found(self, kind: Kind, changes: list[Change]) -> None:
        if self._open and not kind.optional:
            self._missed.found(changes)
        for change in changes:
            self._take(change)

    async def sweep_when_asked(self) -> None:
        """Sweep kinds whose watch started over, once it is calm again; for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._sweep_asked.wait()
            calm_at = max(self._sweeps.values()) + SWEEP_DELAY_SECONDS
            if (wait := calm_at - loop.time()) > 0:
                await asyncio.sleep(wait)
                continue
            kinds, self._sweeps = list(self._sweeps), {}
            self._sweep_asked.clear()
            for kind in kinds:
                await self._sweep_or_ask_again(kind)

    async def sweep_all_every(self, seconds: float) -> None:
        """Sweep everything on a slow timer: the answer to whatever nobody thought of."""
        while True:
            await asyncio.sleep(seconds)
            for kind in self._served():
                await self._sweep_or_ask_again(kind)

    async def follow_served(self, seconds: float) -> None:
        """Keep up with APIs that are installed or taken away; for ever."""
        async for _ in self._discovery.changes(seconds):
            await self.served_changed()

    async def served_changed(self) -> None:
        """Let everybody plan anew with what is served now."""
        for kind in OPTIONAL_CHILDREN:
            if self._discovery.has(kind):
                await self._sweep_or_ask_again(kind)
            else:
                self._store.retain(kind, (), sys.maxsize)
        if self._open:
            self.wake_everybody()

    def _served(self) -> tuple[Kind, ...]:
        return (*WATCHED, *filter(self._discovery.has, OPTIONAL_CHILDREN))

    async def _sweep_or_ask_again(self, kind: Kind) -> None:
        try:
            await self.sweep(kind)
        except KubeApiError as error:
            if kind.optional and isinstance(error, NotFoundError):
                self._discovery.missing(kind)
                return
            _log.warning("full list of %s failed, trying again: %s", kind.plural, error)
            self.doubt(kind)

    def doubt(self, kind: Kind) -> None:
        """Ask for a full list of a kind, once it is calm."""
        self._sweeps[kind] = asyncio.get_running_loop().time()
        self._sweep_asked.set()

    def _take(self, change: Change | None) -> None:
        if change is None:
            return
        self._directory.update(change)
        if self._open:
            for key in self._directory.interested_in(change):
                self._wake(key)


def _is_observed(agent: Object) -> bool:
    observed = (agent.get("status") or {}).get("observedGeneration")
    return bool(observed == agent["metadata"].get("generation"))
