"""What is in the cluster, as far as this process knows: trimmed objects, fed by watches.

Three sources feed it, in any order: watch events, the answers to our own writes (so that the next
reconcile sees what the last one did, without waiting for the watch), and full lists. The rule that
makes the order harmless: a newer resourceVersion wins, also over a deletion (an object that lost
the label of a watch is "deleted" for it, and may come back).
An event that changes nothing yields no `Change`, and so no work; most events are of this sort.
"""

from collections import defaultdict
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from switchboard_contract import names
from switchboard_operator.kube.kinds import TENANT, Kind
from switchboard_operator.kube.objects import (
    Object,
    labels_of,
    name_of,
    namespace_of,
    owner_name,
    trim,
    uid_of,
    version_of,
)

_TOMBSTONES = 20_000
"""Deletions remembered; only those of the last seconds matter."""


class Ref(NamedTuple):
    """Names one object."""

    kind: Kind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """One object changed; `old` is None when it is new, `new` is None when it is gone."""

    ref: Ref
    old: Object | None
    new: Object | None

    @property
    def either(self) -> Object:
        """The object as it is, or as it last was."""
        return self.new or self.old or {}


class Store:
    """Trimmed objects by name, with the children of each VoiceAgent at hand."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = defaultdict(dict)
        self._children: dict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._dead: dict[str, int] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return an object, or None if it is not there."""
        return self._objects[kind].get((namespace, name))

    def all(self, kind: Kind) -> Iterator[Object]:
        """Return all objects of a kind."""
        return iter(list(self._objects[kind].values()))

    def children(self, namespace: str, agent: str) -> list[tuple[Ref, Object]]:
        """Return the objects labelled as children of a VoiceAgent.

        With an empty namespace: of a Tenant, which has only its worker pools.
        """
        refs = sorted(
            self._children.get((namespace, agent), ()), key=lambda r: (r.kind.kind, r.name)
        )
        return [(ref, self._objects[ref.kind][ref.namespace, ref.name]) for ref in refs]

    def put(self, kind: Kind, raw: Object) -> Change | None:
        """Take in an object as the API server sent it; None if it says nothing new."""
        ref = Ref(kind, namespace_of(raw), name_of(raw))
        old = self._objects[kind].get((ref.namespace, ref.name))
        known = max(self._dead.get(uid_of(raw), 0), version_of(old) if old else 0)
        if version_of(raw) <= known:
            return None
        new = trim(kind, raw, like=old or self._latest(kind))
        self._objects[kind][ref.namespace, ref.name] = new
        self._index(ref, old, new)
        return None if old and _content(old) == _content(new) else Change(ref, old, new)

    def remove(self, kind: Kind, raw: Object) -> Change | None:
        """Take in that an object is gone; None if that was known."""
        uid = uid_of(raw)
        self._dead[uid] = max(self._dead.get(uid, 0), version_of(raw))
        if len(self._dead) > _TOMBSTONES:
            del self._dead[next(iter(self._dead))]
        ref = Ref(kind, namespace_of(raw), name_of(raw))
        old = self._objects[kind].get((ref.namespace, ref.name))
        if old is None or uid_of(old) != uid:
            return None
        del self._objects[kind][ref.namespace, ref.name]
        self._index(ref, old, None)
        return Change(ref, old, None)

    def retain(self, kind: Kind, alive: Container[str], version: int) -> list[Change]:
        """Take in that a full list made at `version` had these UIDs only: others are gone."""
        gone = [
            obj for obj in self.all(kind) if uid_of(obj) not in alive and version_of(obj) <= version
        ]
        return [change for obj in gone if (change := self.remove(kind, obj))]

    def _latest(self, kind: Kind) -> Object | None:
        return next(reversed(self._objects[kind].values()), None)

    def _index(self, ref: Ref, old: Object | None, new: Object | None) -> None:
        was, now = parent_of(old), parent_of(new)
        if was is not None and was != now:
            self._children[was].discard(ref)
            if not self._children[was]:
                del self._children[was]
        if now is not None:
            self._children[now].add(ref)


def parent_of(obj: Object | None) -> tuple[str, str] | None:
    """Return namespace and name of the VoiceAgent whose child it is; ("", name) of a Tenant."""
    if obj is None:
        return None
    labels = labels_of(obj)
    if agent := labels.get(names.LABEL_AGENT):
        return labels.get(names.LABEL_AGENT_NAMESPACE) or namespace_of(obj), agent
    tenant = owner_name(TENANT.kind, obj) if names.LABEL_POOL in labels else ""
    return ("", tenant) if tenant else None


def _content(obj: Object) -> Object:
    meta = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    return {**obj, "metadata": meta}
