"""The worker pools of one Tenant: made, and removed once they serve nobody."""

from switchboard_contract import names
from switchboard_contract.crd.status import WorkerPoolStatus
from switchboard_contract.crd.tenant import TenantSpec, WorkerPool
from switchboard_operator.desired import shared_pool, workers
from switchboard_operator.desired.pool import Pool
from switchboard_operator.entitlement import usable_pools
from switchboard_operator.kube.kinds import DEPLOYMENT
from switchboard_operator.kube.objects import Object, labels_of, name_of, owner_uid, uid_of
from switchboard_operator.pod_check import pod_fault
from switchboard_operator.reconcile import children, copies
from switchboard_operator.reconcile.context import Context
from switchboard_operator.store import Ref


async def make(context: Context, tenant: Object, spec: TenantSpec) -> None:
    """Bring the objects of every pool in order; delete those of pools that nobody needs."""
    worker = context.settings.worker
    wanted: set[Ref] = set()
    for pool in _pools(context, tenant, spec):
        objects = workers.build(pool, worker)
        scaling = pool.scaling
        if not pod_fault(pool, worker, ""):
            await children.make_all(context, objects, least=scaling.min, most=scaling.max)
        wanted |= {Ref(kind, pool.namespace, name_of(obj)) for kind, obj in objects}
    await _prune(context, tenant, spec, wanted)


def status(context: Context, tenant: Object, spec: TenantSpec) -> list[WorkerPoolStatus]:
    """Return how many workers each pool has."""
    return [
        _status(context, built, pool)
        for built, pool in zip(
            _pools(context, tenant, spec), usable_pools(name_of(tenant), spec), strict=True
        )
    ]


def template_fault(context: Context, tenant: Object, spec: TenantSpec) -> str:
    """Say which pool's pod template cannot be; its workers stay as they were."""
    usable = usable_pools(name_of(tenant), spec)
    faults = (
        pod_fault(built, context.settings.worker, f"spec.workerPools[{pool.name}].podTemplate")
        for built, pool in zip(_pools(context, tenant, spec), usable, strict=True)
    )
    return next((fault for fault in faults if fault), "")


def left_over(context: Context, tenant: Object, spec: TenantSpec) -> list[str]:
    """Return the pools that the spec does not name any more and that still serve an agent."""
    named = {names.shared_pool_name(name_of(tenant), pool.name) for pool in spec.worker_pools}
    there = {labels_of(obj)[names.LABEL_POOL] for _, obj in _children(context, tenant)}
    return sorted(pool.partition("_")[2] for pool in there - named)


async def _prune(context: Context, tenant: Object, spec: TenantSpec, wanted: set[Ref]) -> None:
    doomed = [(ref, obj) for ref, obj in _children(context, tenant) if ref not in wanted]
    if not doomed:
        return
    named = {names.shared_pool_name(name_of(tenant), pool.name) for pool in spec.worker_pools}
    in_use = copies.pools_in_use(context, name_of(tenant)) - named
    for ref, obj in doomed:
        if labels_of(obj)[names.LABEL_POOL] not in in_use:
            await context.api.delete(ref.kind, obj)
            context.store.remove(ref.kind, obj)


def _children(context: Context, tenant: Object) -> list[tuple[Ref, Object]]:
    found = context.store.children("", name_of(tenant))
    return [(ref, obj) for ref, obj in found if owner_uid(obj) == uid_of(tenant)]


def _pools(context: Context, tenant: Object, spec: TenantSpec) -> list[Pool]:
    name, uid = name_of(tenant), uid_of(tenant)
    shared = context.settings.worker.shared_namespace
    return [shared_pool.build(name, uid, spec, pool, shared) for pool in usable_pools(name, spec)]


def _status(context: Context, built: Pool, pool: WorkerPool) -> WorkerPoolStatus:
    found = context.store.get(DEPLOYMENT, built.namespace, built.worker) or {}
    counts = found.get("status") or {}
    return WorkerPoolStatus(
        name=pool.name,
        workers=counts.get("replicas", 0),
        ready_workers=counts.get("readyReplicas", 0),
    )
