"""LiveKit objects by id, found again by owner and by key without looking at all of them.

A thousand VoiceAgents each asking "which trunk is mine, who else has my number, which rules take
calls of my trunk" by a scan would parse a million pieces of metadata. Keys of a trunk are its
numbers, keys of a rule its trunks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic

from switchboard_operator.sip.wire import Info, owner_uid


class Shelf(Generic[Info]):
    """Objects of one kind."""

    def __init__(
        self, id_of: Callable[[Info], str], keys_of: Callable[[Info], Iterable[str]]
    ) -> None:
        self._id_of: Callable[[Info], str] = id_of
        self._keys_of: Callable[[Info], Iterable[str]] = keys_of
        self._all: dict[str, Info] = {}
        self._by_owner: dict[str, set[str]] = defaultdict(set)
        self._by_key: dict[str, set[str]] = defaultdict(set)

    @property
    def all(self) -> Mapping[str, Info]:
        """Every object by id."""
        return self._all

    def replace_all(self, infos: Iterable[Info]) -> None:
        """Take what a list brought instead of all there was."""
        self._all.clear()
        self._by_owner.clear()
        self._by_key.clear()
        for info in infos:
            self.put(info)

    def put(self, info: Info) -> None:
        """Add or replace one object."""
        name = self._id_of(info)
        self.drop(name)
        self._all[name] = info
        self._by_owner[owner_uid(info.metadata)].add(name)
        for key in self._keys_of(info):
            self._by_key[key].add(name)

    def drop(self, name: str) -> None:
        """Forget one object; no error if it is not there."""
        info = self._all.pop(name, None)
        if info is None:
            return
        _discard(self._by_owner, owner_uid(info.metadata), name)
        for key in self._keys_of(info):
            _discard(self._by_key, key, name)

    def of_owner(self, uid: str) -> list[Info]:
        """Return the objects of a VoiceAgent, in the order of their ids."""
        return [self._all[name] for name in sorted(self._by_owner.get(uid, ()))]

    def with_key(self, key: str) -> list[Info]:
        """Return the objects that have a key, in the order of their ids."""
        return [self._all[name] for name in sorted(self._by_key.get(key, ()))]


def _discard(index: dict[str, set[str]], key: str, name: str) -> None:
    index[key].discard(name)
    if not index[key]:
        del index[key]
