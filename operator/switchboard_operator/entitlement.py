"""What a Tenant grants: whether a VoiceAgent stays within its quotas and worker pools. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from switchboard_contract.crd.llm import LlmProvider
from switchboard_contract.crd.rules import MAX_POOL_NAMES
from switchboard_contract.crd.status import Reason
from switchboard_contract.crd.tenant import TenantSpec, WorkerPool
from switchboard_contract.crd.voice_agent import VoiceAgentSpec


@dataclass(frozen=True, slots=True)
class Excess:
    """What the tenant does not grant, and what to do about it."""

    reason: Reason
    message: str


def excess(spec: VoiceAgentSpec, tenant_name: str, tenant: TenantSpec) -> Excess | None:
    """Return the first thing a VoiceAgent asks for that its tenant does not grant."""
    return (
        _too_long(spec, tenant_name, tenant)
        or _carrier(spec, tenant_name, tenant)
        or _pool(spec, tenant_name, tenant)
    )


def shared_pool(spec: VoiceAgentSpec, tenant: TenantSpec) -> WorkerPool | None:
    """Return the Tenant's worker pool that a VoiceAgent names; None if it has its own workers."""
    return next((pool for pool in tenant.worker_pools if pool.name == spec.worker_pool), None)


def usable_pools(tenant_name: str, tenant: TenantSpec) -> list[WorkerPool]:
    """Return the worker pools that can exist: those whose names are short enough."""
    return [
        pool for pool in tenant.worker_pools if len(pool.name) + len(tenant_name) <= MAX_POOL_NAMES
    ]


def pool_faults(tenant_name: str, tenant: TenantSpec) -> str:
    """Say what is wrong with a Tenant's worker pools; empty if nothing is."""
    usable = usable_pools(tenant_name, tenant)
    wrong = [pool.name for pool in tenant.worker_pools if pool not in usable]
    if not wrong:
        return ""
    return (
        f"spec.workerPools: the names of the Tenant and of a worker pool may have {MAX_POOL_NAMES} "
        f"characters together; give a shorter name to {', '.join(wrong)}"
    )


def _too_long(spec: VoiceAgentSpec, tenant_name: str, tenant: TenantSpec) -> Excess | None:
    most, asked = tenant.quotas.max_call_seconds, spec.limits.max_call_seconds
    if most is None or asked <= most:
        return None
    return Excess(
        Reason.QUOTA_EXCEEDED,
        f"spec.limits.maxCallSeconds: {asked} is above {most}, which Tenant {tenant_name} grants "
        "(its spec.quotas.maxCallSeconds); lower it here or have the quota raised",
    )


def _carrier(spec: VoiceAgentSpec, tenant_name: str, tenant: TenantSpec) -> Excess | None:
    transfer = spec.transfer
    if transfer is None or transfer.briefing is None:
        return None
    there = [carrier.name for carrier in tenant.sip.egress]
    if (transfer.carrier or next(iter(there), None)) in there:
        return None
    lacking = f"no carrier {transfer.carrier}" if transfer.carrier else "no carrier"
    return Excess(
        Reason.CARRIER_UNKNOWN,
        f"spec.transfer: with briefing the agent calls the human, and Tenant {tenant_name} has "
        f"{lacking} under its spec.sip.egress (it has: {', '.join(there) or 'none'}); correct "
        "spec.transfer.carrier, add the carrier to the Tenant, or leave out briefing",
    )


def _pool(spec: VoiceAgentSpec, tenant_name: str, tenant: TenantSpec) -> Excess | None:
    if spec.worker_pool is None:
        return None
    pool = shared_pool(spec, tenant)
    if pool is None or pool not in usable_pools(tenant_name, tenant):
        there = ", ".join(p.name for p in usable_pools(tenant_name, tenant)) or "none"
        return Excess(
            Reason.WORKER_POOL_UNKNOWN,
            f"spec.workerPool: Tenant {tenant_name} has no worker pool {spec.worker_pool} (it has: "
            f"{there}); correct the name, add the pool to the Tenant, or leave the field out",
        )
    if spec.limits.max_call_seconds > pool.max_call_seconds:
        return Excess(
            Reason.INVALID_SPEC,
            f"spec.limits.maxCallSeconds: {spec.limits.max_call_seconds} is above "
            f"{pool.max_call_seconds}, the longest call of worker pool {pool.name} of Tenant "
            f"{tenant_name}; lower it here or raise the pool's maxCallSeconds",
        )
    return _of_others(spec, pool)


def _of_others(spec: VoiceAgentSpec, pool: WorkerPool) -> Excess | None:
    """Shared workers hold no tenant's Secrets, and ask no address that a tenant chose.

    They run in the operator's namespace, where more can be reached than from the tenant's own.
    """
    for field, provider in providers_of(spec):
        if provider.api_key_ref is not None or provider.credential is not None:
            key = "credential" if provider.credential is not None else "apiKeyRef"
            return Excess(
                Reason.SECRET_IN_SHARED_POOL,
                f"{field}.{key}: the workers of shared worker pool {pool.name} must not see "
                "Secrets of tenants; leave out spec.workerPool (the agent then has workers of its "
                "own) or the key",
            )
        if provider.base_url is not None:
            return Excess(
                Reason.INVALID_SPEC,
                f"{field}.baseUrl: the workers of shared worker pool {pool.name} ask model servers "
                "of the platform only; name one (modelServer), or leave out spec.workerPool",
            )
    return None


def providers_of(spec: VoiceAgentSpec) -> Iterator[tuple[str, LlmProvider]]:
    """Return every language model that an agent may ask, each with its field."""
    chains = [("spec.llm", spec.llm)]
    chains += [(f"spec.variants[{i}].llm", one.llm) for i, one in enumerate(spec.variants)]
    for field, chain in chains:
        for index, provider in enumerate(chain.providers if chain else ()):
            yield f"{field}.providers[{index}]", provider
