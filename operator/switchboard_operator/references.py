"""Objects that people wrote and VoiceAgents point at: dialogs and digest credentials.

They carry no label of ours, so they cannot be watched by one, and watching all of them whole would
bring every Secret of the cluster into this process. Instead the *metadata* of all ConfigMaps and
Secrets is watched, from now on and without a list; what somebody asked for is read by name, kept
until it changes, and whoever asked is told to look again.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from switchboard_operator.directory import Key
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import CONFIG_MAP, SECRET, Kind
from switchboard_operator.store import Ref

_log = logging.getLogger(__name__)

KINDS = (CONFIG_MAP, SECRET)
_RETRY_SECONDS = 1.0


class MetadataWatch(Protocol):
    """Streams which objects of a kind change."""

    def watch_metadata(self, kind: Kind) -> AsyncIterator[Ref | None]:
        """Yield None once the watch stands, then the name of each object that changes."""


class ReferenceCache:
    """Reads referenced objects once, and again when they change."""

    def __init__(self, api: KubeApi, wake: Callable[[Key], None]) -> None:
        self._api = api
        self._wake = wake
        self._data: dict[Ref, dict[str, str] | None] = {}
        self._epochs: dict[Ref, int] = defaultdict(int)
        self._readers: dict[Ref, set[Key]] = defaultdict(set)
        self._used: dict[Key, set[Ref]] = defaultdict(set)

    def reader(self, key: Key) -> "Reader":
        """Return a reader for one reconcile of a key; what it does not read is let go of."""
        return Reader(self, key)

    async def read(self, ref: Ref) -> dict[str, str] | None:
        """Return the data of an object, or None if it is not there."""
        if ref in self._data:
            return self._data[ref]
        epoch = self._epochs[ref]
        try:
            obj = await self._api.get(ref.kind, ref.namespace, ref.name)
        except NotFoundError:
            data = None
        else:
            data = obj.get("data") or {}
        if epoch == self._epochs[ref]:
            self._data[ref] = data
        return data

    def register(self, key: Key, ref: Ref) -> None:
        """Note that a key depends on an object."""
        self._used[key].add(ref)
        self._readers[ref].add(key)

    def retain(self, key: Key, refs: set[Ref]) -> None:
        """Let go of all that a key depended on except these."""
        for ref in self._used.get(key, set()) - refs:
            self._readers[ref].discard(key)
            if not self._readers[ref]:
                del self._readers[ref]
                self._data.pop(ref, None)
                self._epochs.pop(ref, None)
        if refs:
            self._used[key] = set(refs)
        else:
            self._used.pop(key, None)

    def changed(self, ref: Ref) -> None:
        """Forget an object that changed, and wake who depends on it."""
        if ref in self._readers:
            self._data.pop(ref, None)
            self._epochs[ref] += 1
            for key in self._readers[ref]:
                self._wake(key)

    def changed_maybe(self, kind: Kind) -> None:
        """Forget all of a kind: the watch was away, anything may have happened."""
        for ref in [ref for ref in self._readers if ref.kind is kind]:
            self.changed(ref)


class Reader:
    """The `References` of one reconcile."""

    def __init__(self, cache: ReferenceCache, key: Key) -> None:
        self._cache = cache
        self._key = key
        self._seen: set[Ref] = set()

    async def read(self, kind: Kind, namespace: str, name: str) -> dict[str, str] | None:
        """Return the data of a ConfigMap or Secret, or None if it is not there."""
        ref = Ref(kind, namespace, name)
        self._seen.add(ref)
        # Before reading: a change that comes while the answer is on its way must wake the key.
        self._cache.register(self._key, ref)
        return await self._cache.read(ref)

    def close(self) -> None:
        """Let go of what this reconcile did not need."""
        self._cache.retain(self._key, self._seen)


async def follow(watch: MetadataWatch, kind: Kind, cache: ReferenceCache) -> None:
    """Keep the cache true for one kind, for ever."""
    while True:
        try:
            async for ref in watch.watch_metadata(kind):
                if ref is None:
                    cache.changed_maybe(kind)
                else:
                    cache.changed(ref)
        except KubeApiError as error:
            _log.warning("watch of %s broke, starting again: %s", kind.plural, error)
        await asyncio.sleep(_RETRY_SECONDS)
