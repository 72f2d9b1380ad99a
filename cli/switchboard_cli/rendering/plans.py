"""What the operator would make: every object, and every refusal in its words."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from switchboard_cli.rendering.manifests import Manifests
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_operator.accept import explain
from switchboard_operator.desired import shared_pool, workers
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.models import plan as models
from switchboard_operator.desired.models.names import server_name
from switchboard_operator.desired.models.server import of_asks
from switchboard_operator.desired.plan import DesiredState, plan
from switchboard_operator.directory import Directory
from switchboard_operator.entitlement import pool_faults, usable_pools
from switchboard_operator.kube.kinds import CONFIG_MAP, SECRET, TENANT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of
from switchboard_operator.reconcile.decide import judge
from switchboard_operator.settings import Settings
from switchboard_operator.store import Store

Served = Callable[[Kind], bool]
"""Whether the cluster has a kind that not every cluster has."""


@dataclass(frozen=True, slots=True)
class Part:
    """All objects of one resource."""

    title: str
    objects: tuple[tuple[Kind, Object], ...]
    desired: DesiredState | None = None
    """Of a VoiceAgent: holds what goes into LiveKit too."""


@dataclass(slots=True)
class Rendered:
    """Everything."""

    parts: list[Part] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Files:
    """Reads what VoiceAgents refer to from the same files."""

    manifests: Manifests

    async def read(self, kind: Kind, namespace: str, name: str) -> dict[str, str] | None:
        """Return the data of a ConfigMap or Secret, or None if it is in no file."""
        for obj in self.manifests.of(kind):
            if (namespace_of(obj), name_of(obj)) == (namespace, name):
                return {key: str(value) for key, value in (obj.get("data") or {}).items()}
        return None


async def rendered(manifests: Manifests, settings: Settings, served: Served) -> Rendered:
    """Judge and plan everything in the files."""
    store = Store()
    directory = Directory(store)
    for kind, obj in manifests.objects:
        if kind not in {CONFIG_MAP, SECRET} and (change := store.put(kind, obj)):
            directory.update(change)
    found = Rendered()
    for tenant in manifests.of(TENANT):
        _add_tenant(found, tenant, settings, served)
    accepted: list[AgentInputs] = []
    for agent in manifests.of(VOICE_AGENT):
        which = f"VoiceAgent {namespace_of(agent)}/{name_of(agent)}"
        decision = await judge(agent, directory, store, _Files(manifests), settings)
        if decision.refusal:
            found.refusals.append(f"{which}: {decision.refusal.reason}: {decision.refusal.message}")
        if decision.inputs:
            accepted.append(decision.inputs)
            desired = plan(decision.inputs, settings.worker)
            title = f"{which}, revision {desired.revision}"
            found.parts.append(Part(title, _existing(desired.children, served), desired))
    _add_model_servers(found, accepted, settings, served)
    return found


def _add_tenant(found: Rendered, tenant: Object, settings: Settings, served: Served) -> None:
    name, which = name_of(tenant), f"Tenant {name_of(tenant)}"
    try:
        spec = TenantSpec.model_validate(tenant.get("spec") or {})
    except ValidationError as error:
        found.refusals.append(f"{which}: {explain(error, 'spec')}")
        return
    if faults := pool_faults(name, spec):
        found.refusals.append(f"{which}: {faults}")
    namespace = settings.worker.shared_namespace
    for pool in usable_pools(name, spec):
        built = shared_pool.build(name, uid_of(tenant), spec, pool, namespace)
        objects = _existing(workers.build(built, settings.worker), served)
        found.parts.append(Part(f"{which}, worker pool {pool.name}", objects))


def _add_model_servers(
    found: Rendered, accepted: list[AgentInputs], settings: Settings, served: Served
) -> None:
    asks = [
        (ask, inputs.spec.limits.max_call_seconds)
        for inputs in accepted
        for ask in inputs.spec.model_servers
    ]
    for name in sorted({server_name(ask) for ask, _ in asks}):
        same = [(ask, longest) for ask, longest in asks if server_name(ask) == name]
        server = of_asks(
            [ask for ask, _ in same],
            settings.operator_namespace,
            settings.model_servers,
            max(longest for _, longest in same),
        )
        objects = _existing((*models.claims(server), *models.plan(server, settings.worker)), served)
        found.parts.append(Part(f"Model server {name}", objects))


def _existing(
    objects: tuple[tuple[Kind, Object], ...], served: Served
) -> tuple[tuple[Kind, Object], ...]:
    return tuple((kind, obj) for kind, obj in objects if not kind.optional or served(kind))
