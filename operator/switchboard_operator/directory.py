"""Who belongs to whom: tenants, namespaces, VoiceAgents and the numbers they ask for.

Pure and in memory, kept from store changes; answers in constant time what a reconcile asks:
which tenant owns this namespace, who else asks for this number, who must look again now.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from typing_extensions import override

from switchboard_contract import names
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NAMESPACE,
    SCALED_OBJECT,
    TENANT,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object, labels_of, name_of, namespace_of
from switchboard_operator.kube.progress import autoscaler_trouble, progress
from switchboard_operator.models.asks import ModelAsks, touched
from switchboard_operator.store import Change, Store, parent_of


class KeyKind(StrEnum):
    """What is reconciled."""

    VOICE_AGENT = "VoiceAgent"
    TENANT = "Tenant"
    MODEL_SERVER = "ModelServer"
    SUSPENSION = "Suspension"
    """Of a Tenant: its calls must stop within seconds, however much work waits."""


class Key(NamedTuple):
    """One unit of work."""

    kind: KeyKind
    namespace: str
    name: str

    @override
    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def agent_key(obj: Object) -> Key:
    """Return the key of a VoiceAgent."""
    return Key(KeyKind.VOICE_AGENT, namespace_of(obj), name_of(obj))


def tenant_key(name: str) -> Key:
    """Return the key of a Tenant."""
    return Key(KeyKind.TENANT, "", name)


def model_server_key(name: str) -> Key:
    """Return the key of a shared model server; its namespace is the operator's."""
    return Key(KeyKind.MODEL_SERVER, "", name)


def is_suspended(tenant: Object | None) -> bool:
    """Tell whether a Tenant wants no new calls."""
    return ((tenant or {}).get("spec") or {}).get("suspend") is True


def asked_numbers(obj: Object | None) -> frozenset[str]:
    """Return the numbers a VoiceAgent asks for, valid or not."""
    numbers = ((obj or {}).get("spec") or {}).get("numbers") or []
    return frozenset(n for n in numbers if isinstance(n, str))


_TELLS: dict[Kind, Callable[[Object | None], str]] = {
    DEPLOYMENT: progress,
    HORIZONTAL_POD_AUTOSCALER: autoscaler_trouble,
    SCALED_OBJECT: autoscaler_trouble,
}
"""What of a model server's object stands in the status of those who ask for it."""


class Directory:
    """The relations between what the store holds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.model_asks = ModelAsks()
        self._agents_by_namespace: dict[str, set[str]] = defaultdict(set)
        self._agents_by_number: dict[str, set[Key]] = defaultdict(set)
        self._namespaces_by_tenant: dict[str, set[str]] = defaultdict(set)

    def tenant_name(self, namespace: str) -> str:
        """Return the tenant that a namespace's label names; empty if none."""
        obj = self._store.get(NAMESPACE, "", namespace)
        return labels_of(obj).get(names.LABEL_TENANT, "") if obj else ""

    def tenant(self, name: str) -> Object | None:
        """Return a Tenant."""
        return self._store.get(TENANT, "", name)

    def namespaces_of(self, tenant: str) -> list[str]:
        """Return the namespaces whose label names the tenant."""
        return sorted(self._namespaces_by_tenant.get(tenant, ()))

    def agents_in(self, namespace: str) -> list[Key]:
        """Return the VoiceAgents of a namespace."""
        found = sorted(self._agents_by_namespace.get(namespace, ()))
        return [Key(KeyKind.VOICE_AGENT, namespace, name) for name in found]

    def agents_of(self, tenant: str) -> list[Key]:
        """Return the VoiceAgents of a tenant."""
        return [key for ns in self.namespaces_of(tenant) for key in self.agents_in(ns)]

    def model_servers(self) -> list[str]:
        """Return the model servers that somebody uses, or that are there."""
        there = (labels_of(o).get(names.LABEL_MODEL_SERVER) for o in self._store.all(DEPLOYMENT))
        return sorted({*self.model_asks.servers(), *filter(None, there)})

    def holder_of(self, number: str) -> Key | None:
        """Return who has the right to a number: the oldest that asks for it and has a tenant.

        One without a tenant has no right, or else anybody could block a number with a VoiceAgent
        that never serves.
        """
        asking = [key for key in self._agents_by_number.get(number, ()) if self._has_tenant(key)]
        return min(asking, key=self._seniority, default=None)

    def interested_in(self, change: Change) -> set[Key]:
        """Return the keys that must look again after a change (call after `update`)."""
        kind, namespace, name = change.ref
        if kind is VOICE_AGENT:
            keys = {Key(KeyKind.VOICE_AGENT, namespace, name)}
            keys |= {model_server_key(server) for server in touched(change.old, change.new)}
            return keys | self._rivals(change) | self._tenants_of(namespace, change)
        if kind is TENANT:
            begins = is_suspended(change.new) and not is_suspended(change.old)
            urgent = {Key(KeyKind.SUSPENSION, "", name)} if begins else set()
            return {tenant_key(name), *self._with_rivals(self.agents_of(name)), *urgent}
        if kind is NAMESPACE:
            tenants = _tenant_labels(change)
            return {*self._with_rivals(self.agents_in(name)), *map(tenant_key, tenants)}
        return self._parents(change.either) | self._users_of(change)

    def update(self, change: Change) -> None:
        """Keep up with a change of the store."""
        kind, namespace, name = change.ref
        if kind is NAMESPACE:
            for tenant in _tenant_labels(change):
                self._namespaces_by_tenant[tenant].discard(name)
            if change.new and (tenant := labels_of(change.new).get(names.LABEL_TENANT, "")):
                self._namespaces_by_tenant[tenant].add(name)
        if kind is VOICE_AGENT:
            key = Key(KeyKind.VOICE_AGENT, namespace, name)
            self.model_asks.take((namespace, name), change.new)
            for number in asked_numbers(change.old):
                self._agents_by_number[number].discard(key)
            for number in asked_numbers(change.new):
                self._agents_by_number[number].add(key)
            agents = self._agents_by_namespace[namespace]
            agents.add(name) if change.new else agents.discard(name)

    def _parents(self, child: Object) -> set[Key]:
        parent, labels = parent_of(child), labels_of(child)
        if parent is None:
            return set()
        namespace, name = parent
        if not namespace:
            return {tenant_key(name), *self._members(name, labels[names.LABEL_POOL])}
        agent = Key(KeyKind.VOICE_AGENT, namespace, name)
        tenant = labels.get(names.LABEL_TENANT) if names.LABEL_AGENT_NAMESPACE in labels else None
        return {agent, tenant_key(tenant)} if tenant else {agent}

    def _members(self, tenant: str, pool: str) -> Iterator[Key]:
        """Return the VoiceAgents that a worker pool of their Tenant serves."""
        for key in self.agents_of(tenant):
            obj = self._store.get(VOICE_AGENT, key.namespace, key.name) or {}
            asked = (obj.get("spec") or {}).get("workerPool")
            if isinstance(asked, str) and names.shared_pool_name(tenant, asked) == pool:
                yield key

    def _users_of(self, change: Change) -> set[Key]:
        """Return the model server whose object it is, and who waits for it, if that is news."""
        server = labels_of(change.either).get(names.LABEL_MODEL_SERVER)
        if not server:
            return set()
        tells = _TELLS.get(change.ref.kind)
        if tells is None or tells(change.old) == tells(change.new):
            return {model_server_key(server)}
        users = self.model_asks.agents(server)
        agents = {Key(KeyKind.VOICE_AGENT, namespace, name) for namespace, name in users}
        return {model_server_key(server), *agents}

    def _has_tenant(self, key: Key) -> bool:
        name = self.tenant_name(key.namespace)
        return bool(name) and self.tenant(name) is not None

    def _seniority(self, key: Key) -> tuple[str, str, str]:
        obj = self._store.get(VOICE_AGENT, key.namespace, key.name) or {"metadata": {}}
        return str(obj["metadata"].get("creationTimestamp", "")), key.namespace, key.name

    def _rivals(self, change: Change) -> set[Key]:
        numbers = asked_numbers(change.old) ^ asked_numbers(change.new)
        return self._asking(numbers)

    def _asking(self, numbers: Iterable[str]) -> set[Key]:
        return {key for n in numbers for key in self._agents_by_number.get(n, ())}

    def _with_rivals(self, keys: list[Key]) -> set[Key]:
        numbers = {
            number
            for key in keys
            for number in asked_numbers(self._store.get(VOICE_AGENT, key.namespace, key.name))
        }
        return set(keys) | self._asking(numbers)

    def _tenants_of(self, namespace: str, change: Change) -> set[Key]:
        born_or_gone = change.old is None or change.new is None
        tenant = self.tenant_name(namespace)
        return {tenant_key(tenant)} if tenant and born_or_gone else set()


def _tenant_labels(change: Change) -> set[str]:
    found = {labels_of(obj).get(names.LABEL_TENANT, "") for obj in (change.old, change.new) if obj}
    return found - {""}
