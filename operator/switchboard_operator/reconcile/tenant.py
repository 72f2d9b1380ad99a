"""One look at one Tenant: whether it is valid, its worker pools, and what belongs to it.

Its VoiceAgents look again by themselves when it changes.
"""

from pydantic import ValidationError

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import ConditionType, Reason, TenantStatus
from switchboard_contract.crd.tenant import SuspendPolicy, TenantSpec
from switchboard_operator.accept import explain
from switchboard_operator.directory import Key
from switchboard_operator.entitlement import pool_faults
from switchboard_operator.errors import OperatorError
from switchboard_operator.kube.kinds import TENANT
from switchboard_operator.kube.objects import Object, is_deleting, name_of
from switchboard_operator.reconcile import pools, report
from switchboard_operator.reconcile.context import Context
from switchboard_operator.status import Finding, conditions


async def reconcile(context: Context, key: Key) -> bool:
    """Bring one Tenant in order; return whether it still exists."""
    tenant = context.store.get(TENANT, "", key.name)
    if tenant is None:
        return False
    spec = _spec(tenant)
    error = await _make_pools(context, tenant, spec)
    tenant = context.store.get(TENANT, "", key.name) or tenant
    generation = tenant["metadata"]["generation"]
    before = report.conditions_before(tenant)
    ready = Finding(ConditionType.READY, *_ready(context, tenant, spec, error))
    status = TenantStatus(
        observed_generation=generation,
        conditions=conditions([ready], generation, before, context.now()),
        namespaces=len(context.directory.namespaces_of(key.name)),
        voice_agents=len(context.directory.agents_of(key.name)),
        worker_pools=pools.status(context, tenant, spec) if isinstance(spec, TenantSpec) else [],
    )
    await report.write(context, TENANT, tenant, status)
    if error:
        raise error
    return True


def _spec(tenant: Object) -> TenantSpec | str:
    """Return the spec, or what is wrong with it."""
    try:
        return TenantSpec.model_validate(tenant.get("spec") or {})
    except ValidationError as error:
        return explain(error, "spec")


async def _make_pools(
    context: Context, tenant: Object, spec: TenantSpec | str
) -> OperatorError | None:
    if isinstance(spec, str) or is_deleting(tenant):
        return None
    try:
        await pools.make(context, tenant, spec)
    except OperatorError as error:
        return error
    return None


def _ready(
    context: Context, tenant: Object, spec: TenantSpec | str, error: OperatorError | None
) -> tuple[ConditionStatus, Reason, str]:
    no = ConditionStatus.FALSE
    if isinstance(spec, str):
        return no, Reason.INVALID_SPEC, spec
    if faults := pool_faults(name_of(tenant), spec):
        return no, Reason.INVALID_SPEC, faults
    if fault := pools.template_fault(context, tenant, spec):
        return no, Reason.INVALID_SPEC, fault
    if spec.suspend:
        live = (
            "calls in progress are cut"
            if spec.suspend_policy is SuspendPolicy.CUT
            else "calls in progress go on"
        )
        message = f"spec.suspend is true: none of its VoiceAgents takes new calls, {live}"
        return no, Reason.SUSPENDED, message
    if error:
        return no, error.reason, f"{error}; tried again until it works"
    message = "its VoiceAgents may serve calls"
    if left := ", ".join(pools.left_over(context, tenant, spec)):
        message += f"; worker pool {left} is not in spec.workerPools and stays while it serves one"
    return ConditionStatus.TRUE, Reason.READY, message
