"""Whether a VoiceAgent may have what it asks for: pure, total, with a remedy in each refusal.

The CRD's schema refuses most wrong input at the door; this repeats it (the CRD in the cluster may
be older) and adds what no schema can know: tenants, other VoiceAgents' numbers, Secrets. A refusal
also says what becomes of an agent that already serves: a broken dialog leaves the last good
revision in service, a lost tenant or number takes the line down.
"""

from dataclasses import dataclass
from enum import Enum

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from switchboard_contract import names
from switchboard_contract.crd.status import Reason
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.credentials import with_keys
from switchboard_operator.desired.names import MAX_LABEL_VALUE
from switchboard_operator.directory import Directory, agent_key
from switchboard_operator.entitlement import Excess, excess
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of

_MOST_ERRORS = 3
"""Faults named in one message; the rest is counted."""


class Withdraw(Enum):
    """What a refusal takes from an agent that already serves."""

    NOTHING = "nothing"
    RULE = "rule"
    """No new calls; the numbers stay reserved."""
    ALL = "all"
    """The numbers are given back."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and what to do about it."""

    reason: Reason
    message: str
    withdraw: Withdraw = Withdraw.NOTHING


@dataclass(frozen=True, slots=True)
class Admission:
    """A VoiceAgent with a right to its numbers; what it refers to is still to be read."""

    spec: VoiceAgentSpec
    tenant_name: str
    tenant: TenantSpec
    tenant_uid: str = ""


def admit(agent: Object, directory: Directory) -> Admission | Refusal:
    """Judge a VoiceAgent by what is known without reading anything else."""
    namespace = namespace_of(agent)
    owner = _tenant(namespace, directory)
    if isinstance(owner, Refusal):
        return owner
    tenant_name, tenant = owner
    spec = _spec(agent, suspended=tenant.suspend)
    if isinstance(spec, Refusal):
        return spec
    if refusal := _taken(agent, spec, directory) or _beyond(spec, tenant_name, tenant):
        return refusal
    keyed = with_keys(spec, tenant_name, tenant)
    if isinstance(keyed, Excess):
        return _refused(keyed, spec, tenant)
    found = directory.tenant(tenant_name)
    return Admission(keyed, tenant_name, tenant, uid_of(found) if found else "")


def suspension(admission: Admission) -> Refusal | None:
    """Return the refusal of an agent whose tenant is suspended."""
    if not admission.tenant.suspend:
        return None
    return Refusal(
        Reason.TENANT_SUSPENDED,
        f"Tenant {admission.tenant_name} is suspended: new calls are not answered, numbers stay "
        "reserved; set its spec.suspend to false to go on",
        Withdraw.RULE,
    )


def _tenant(namespace: str, directory: Directory) -> tuple[str, TenantSpec] | Refusal:
    name = directory.tenant_name(namespace)
    if not name:
        return Refusal(
            Reason.TENANT_NOT_ASSIGNED,
            f"namespace {namespace} belongs to no tenant: a cluster administrator can run "
            f"'kubectl label namespace {namespace} {names.LABEL_TENANT}=<tenant>'",
            Withdraw.ALL,
        )
    obj = directory.tenant(name)
    if obj is None:
        return Refusal(
            Reason.TENANT_NOT_FOUND,
            f"Tenant {name}, which namespace {namespace} is labelled with, does not exist: "
            "create it or correct the label",
            Withdraw.ALL,
        )
    try:
        return name, TenantSpec.model_validate(obj.get("spec") or {})
    except ValidationError as error:
        return Refusal(Reason.TENANT_INVALID, f"Tenant {name}: {explain(error, 'spec')}")


def _spec(agent: Object, *, suspended: bool) -> VoiceAgentSpec | Refusal:
    name, namespace = name_of(agent), namespace_of(agent)
    stays = Withdraw.RULE if suspended else Withdraw.NOTHING
    if len(names.pool_name(namespace, name)) > MAX_LABEL_VALUE:
        most = MAX_LABEL_VALUE - 1
        return Refusal(
            Reason.INVALID_SPEC,
            f"metadata.name: the names of VoiceAgent and namespace may have {most} characters "
            "together, because worker pods carry both in one label; use a shorter name",
            stays,
        )
    try:
        return VoiceAgentSpec.model_validate(agent.get("spec") or {})
    except ValidationError as error:
        return Refusal(Reason.INVALID_SPEC, explain(error, "spec"), stays)


def _taken(agent: Object, spec: VoiceAgentSpec, directory: Directory) -> Refusal | None:
    key = agent_key(agent)
    for index, number in enumerate(spec.numbers):
        holder = directory.holder_of(number)
        if holder is not None and holder != key:
            same_tenant = directory.tenant_name(holder.namespace) == directory.tenant_name(
                key.namespace
            )
            whose = f"VoiceAgent {holder}" if same_tenant else "a VoiceAgent of another tenant"
            return Refusal(
                Reason.NUMBER_TAKEN,
                f"spec.numbers[{index}]: {number} belongs to {whose}, which is older; "
                "remove the number here or there",
                Withdraw.ALL,
            )
    return None


def _beyond(spec: VoiceAgentSpec, tenant_name: str, tenant: TenantSpec) -> Refusal | None:
    found = excess(spec, tenant_name, tenant)
    return _refused(found, spec, tenant) if found else None


def _refused(found: Excess, spec: VoiceAgentSpec, tenant: TenantSpec) -> Refusal:
    suspended = spec.suspend or tenant.suspend
    stays = Withdraw.RULE if suspended else Withdraw.NOTHING
    return Refusal(found.reason, found.message, stays)


def explain(error: ValidationError, root: str) -> str:
    """Say which fields are wrong and how, without their values."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    said = [f"{_path(fault['loc'], root)}: {_remedy(fault)}" for fault in faults[:_MOST_ERRORS]]
    more = len(faults) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more > 0 else "")


def _path(location: tuple[int | str, ...], root: str) -> str:
    path = root
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def _remedy(fault: ErrorDetails) -> str:
    if fault["type"] == "string_pattern_mismatch" and fault["loc"][:1] == ("numbers",):
        return "not an E.164 number; write it as + and country code, such as +15550100"
    if fault["type"] == "extra_forbidden":
        return "unknown field; remove it or correct its spelling"
    if fault["type"] == "missing":
        return "required; set it"
    return str(fault["msg"]).removeprefix("Value error, ")
