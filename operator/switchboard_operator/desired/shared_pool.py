"""A Tenant's worker pools: workers in the operator's namespace, for all VoiceAgents that name one.

They belong to the Tenant, not to an agent, and see nothing of a tenant's namespaces: what they
serve by comes to them as copies of agent revisions. Those copies belong to the Tenant too, because
an owner must live in the namespace of what it owns, or in none.
"""

import hashlib

from switchboard_contract import names
from switchboard_contract.crd.tenant import TenantSpec, WorkerPool
from switchboard_operator.desired import meta
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.meta import Owned
from switchboard_operator.desired.names import NAME_LABEL, WORKER
from switchboard_operator.desired.pool import Pool
from switchboard_operator.entitlement import shared_pool
from switchboard_operator.kube.kinds import CONFIG_MAP, TENANT, Kind
from switchboard_operator.kube.objects import Object, labels_of, name_of


def build(tenant_name: str, uid: str, tenant: TenantSpec, pool: WorkerPool, namespace: str) -> Pool:
    """Return a worker pool of a Tenant."""
    name = names.shared_pool_name(tenant_name, pool.name)
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        NAME_LABEL: WORKER,
        names.LABEL_TENANT: tenant_name,
        names.LABEL_POOL: name,
    }
    return Pool(
        name=name,
        worker=worker_name(tenant_name, pool.name),
        owned=Owned(namespace, labels, meta.controller(TENANT, tenant_name, uid)),
        tenant_name=tenant_name,
        isolation=tenant.isolation,
        scaling=pool.scaling,
        max_call_seconds=pool.max_call_seconds,
        placement=pool.placement,
        pod_template=pool.pod_template,
        target_p95_ms=pool.latency.target_p95_ms,
    )


def worker_name(tenant: str, pool: str) -> str:
    """Return the name of the Deployment, Service and so on of a Tenant's pool.

    With a hash: "a-b" and "c" read like "a" and "b-c".
    """
    digest = hashlib.sha256(names.shared_pool_name(tenant, pool).encode()).hexdigest()[:6]
    return f"{tenant}-{pool}-{digest}"


def copy_of(revision: Object, inputs: AgentInputs, namespace: str) -> Object:
    """Return the copy of an agent revision that the workers of the agent's shared pool see.

    It keeps the name: that holds a hash of the content, which says whose it is.
    """
    labels = {
        **labels_of(revision),
        names.LABEL_AGENT_NAMESPACE: inputs.namespace,
        names.LABEL_POOL: inputs.pool_name,
        names.LABEL_TENANT: inputs.tenant_name,
    }
    owned = Owned(namespace, labels, meta.controller(TENANT, inputs.tenant_name, inputs.tenant_uid))
    body = {"immutable": True, "data": revision["data"]}
    return meta.child(CONFIG_MAP, owned, name_of(revision), body)


def serving(inputs: AgentInputs, namespace: str) -> Pool:
    """Return the pool that serves an agent: its own, or the one of its Tenant that it joined."""
    shared = shared_pool(inputs.spec, inputs.tenant)
    if shared is None:
        return inputs.pool
    return build(inputs.tenant_name, inputs.tenant_uid, inputs.tenant, shared, namespace)


def copies(
    revisions: tuple[tuple[Kind, Object], ...], inputs: AgentInputs, namespace: str
) -> tuple[tuple[Kind, Object], ...]:
    """Return what the agent's shared pool must see; nothing for an agent with its own workers."""
    if inputs.spec.worker_pool is None:
        return ()
    return tuple((kind, copy_of(revision, inputs, namespace)) for kind, revision in revisions)


def deployment_of(pool: str, namespace: str) -> tuple[str, str]:
    """Return namespace and name of the Deployment of a pool, by its LiveKit name."""
    tenant, _, name = pool.partition("_")
    return namespace, worker_name(tenant, name)


def workers_of(inputs: AgentInputs, namespace: str) -> tuple[str, str]:
    """Return namespace and name of the Deployment whose workers serve an agent."""
    if inputs.spec.worker_pool is None:
        return inputs.namespace, inputs.pool.worker
    return deployment_of(inputs.pool_name, namespace)
