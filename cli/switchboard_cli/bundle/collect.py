"""Reading a cluster for the support bundle.

What cannot be read (not allowed, not installed) is noted and left out: half a bundle from somebody
with few rights is better than none.
"""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from switchboard_cli.cluster.client import EVENT, POD, ClusterClient
from switchboard_contract import names
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import (
    CHILDREN,
    DEPLOYMENT,
    LEASE,
    NAMESPACE,
    OPTIONAL_CHILDREN,
    SECRET,
    TENANT,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object, labels_of, name_of, namespace_of

T = TypeVar("T")
LOG_LINES = 20_000
OPERATOR = "app.kubernetes.io/name=switchboard,app.kubernetes.io/component=operator"
_NOT_FOUND = 404


@dataclass(slots=True)
class Collected:
    """What was read, not yet redacted."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    """By the path of the file in the bundle."""
    logs: dict[str, str] = field(default_factory=dict)
    secrets: list[Object] = field(default_factory=list)
    """Those involved; their values are searched for everywhere and shown nowhere."""
    version: Object = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def agents(self) -> list[Object]:
        """All VoiceAgents read."""
        return [
            o for found in self.objects.values() for o in found if o["kind"] == VOICE_AGENT.kind
        ]

    @property
    def tenants(self) -> list[Object]:
        """All Tenants read."""
        return [o for found in self.objects.values() for o in found if o["kind"] == TENANT.kind]


class Collector:
    """Reads one cluster."""

    def __init__(self, client: ClusterClient, operator_namespace: str) -> None:
        self._client = client
        self._operator = operator_namespace
        self._found = Collected()

    async def collect(self, namespace: str) -> Collected:
        """Read a namespace, or all of them if it is empty, and the operator's."""
        found = self._found
        found.version = await self._tried("the version", self._client.version(), {})
        agents = _named(VOICE_AGENT, await self._client.list_in(VOICE_AGENT, namespace))
        tenants = {(agent.get("status") or {}).get("tenant", "") for agent in agents}
        found.objects["tenants.yaml"] = [
            tenant
            for tenant in await self._listed(TENANT)
            if not namespace or name_of(tenant) in tenants
        ]
        found.objects["namespaces.yaml"] = [
            ns
            for ns in await self._listed(NAMESPACE, labelSelector=names.LABEL_TENANT)
            if not namespace or name_of(ns) == namespace
        ]
        for where in sorted({namespace_of(agent) for agent in agents}):
            here = [agent for agent in agents if namespace_of(agent) == where]
            await self._namespace(where, here)
        await self._operator_parts()
        await self._referenced()
        return found

    async def _namespace(self, namespace: str, agents: list[Object]) -> None:
        folder = f"namespaces/{namespace}"
        children = await self._managed(namespace)
        children += await self._listed(POD, namespace, labelSelector=names.LABEL_POOL)
        events = await self._listed(EVENT, namespace)
        for agent in agents:
            path = f"{folder}/{name_of(agent)}"
            own = [c for c in children if labels_of(c).get(names.LABEL_AGENT) == name_of(agent)]
            about = {name_of(agent), *map(name_of, own)}
            self._found.objects[f"{path}/voiceagent.yaml"] = [agent]
            self._found.objects[f"{path}/children.yaml"] = own
            self._found.objects[f"{path}/events.yaml"] = [
                event
                for event in events
                if (event.get("involvedObject") or {}).get("name") in about
            ]

    async def _operator_parts(self) -> None:
        where, objects = self._operator, self._found.objects
        deployments = await self._listed(DEPLOYMENT, where, labelSelector=OPERATOR)
        pods = await self._listed(POD, where, labelSelector=OPERATOR)
        if not deployments:
            self._found.missing.append(
                f"the operator: no Deployment of it in {where}; give --operator-namespace"
            )
        objects["operator/operator.yaml"] = deployments + pods
        objects["operator/lease.yaml"] = await self._listed(LEASE, where)
        objects["operator/managed.yaml"] = await self._managed(where)
        objects["operator/events.yaml"] = await self._listed(EVENT, where)
        for pod in pods:
            await self._log(pod, previous=False)
            if any(
                s.get("restartCount")
                for s in (pod.get("status") or {}).get("containerStatuses", [])
            ):
                await self._log(pod, previous=True)

    async def _log(self, pod: Object, *, previous: bool) -> None:
        path = POD.path(namespace_of(pod), name_of(pod), "log")
        params = {"tailLines": str(LOG_LINES), "timestamps": "true"}
        if previous:
            params["previous"] = "true"
        text = await self._tried(f"log of {name_of(pod)}", self._client.text(path, params), "")
        kind = ".previous" if previous else ""
        self._found.logs[f"operator/logs/{name_of(pod)}{kind}.log"] = text

    async def _managed(self, namespace: str) -> list[Object]:
        selector = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
        found: list[Object] = []
        for kind in (*CHILDREN, *OPTIONAL_CHILDREN):
            listed = await self._listed(kind, namespace, labelSelector=selector)
            if kind is SECRET:
                self._found.secrets += listed
            found += listed
        return found

    async def _referenced(self) -> None:
        """Read the Secrets that are named anywhere, so that their values can be searched for."""
        agents = self._found.agents
        wanted = {(namespace_of(a), ref) for a in agents for ref in _secret_refs(a.get("spec"))}
        shared = {ref for t in self._found.tenants for ref in _secret_refs(t.get("spec"))}
        wanted |= {(namespace_of(agent), ref) for agent in agents for ref in shared}
        operator = self._found.objects["operator/operator.yaml"]
        wanted |= {(self._operator, ref) for o in operator for ref in _secret_refs(o.get("spec"))}
        for namespace, name in sorted(wanted):
            try:
                self._found.secrets.append(await self._client.get(SECRET, namespace, name))
            except KubeApiError as error:
                if error.status != _NOT_FOUND:
                    self._found.missing.append(f"Secret {namespace}/{name} (to hide it): {error}")

    async def _listed(self, kind: Kind, namespace: str = "", **params: str) -> list[Object]:
        where = f" in {namespace}" if namespace else ""
        what = f"{kind.plural}{where}"
        listed = await self._tried(what, self._client.list_in(kind, namespace, **params), [])
        return _named(kind, listed)

    async def _tried(self, what: str, reading: Awaitable[T], otherwise: T) -> T:
        try:
            return await reading
        except KubeApiError as error:
            if error.status != _NOT_FOUND:
                self._found.missing.append(f"{what}: {error}")
            return otherwise


def _secret_refs(value: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    """Yield the names of Secrets that a spec points at: apiKeyRef, digestSecretRef and so on."""
    if isinstance(value, list):
        for entry in value:
            yield from _secret_refs(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            is_ref = key.lower().endswith(("secretref", "keyref")) and not key.startswith(
                "configMap"
            )
            if is_ref and isinstance(entry, dict) and entry.get("name"):
                yield str(entry["name"])
            else:
                yield from _secret_refs(entry)


def _named(kind: Kind, listed: list[Object]) -> list[Object]:
    """Give the entries of a list their kind, which only the list has."""
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **obj} for obj in listed]
