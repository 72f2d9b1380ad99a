"""What to tell the user: conditions from what was asked, decided, tried and seen. Pure.

The message of a condition that is not True says what to do. `Ready` takes the first condition that
is not True, in the order of the way of a resource: what comes first is what to fix first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from switchboard_contract.crd.last_probe import LastProbe
from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import (
    Condition,
    ConditionType,
    ModelServerStatus,
    OutboundTrunkStatus,
    Reason,
    VoiceAgentStatus,
)
from switchboard_operator import notes
from switchboard_operator.accept import Refusal, Withdraw
from switchboard_operator.desired.names import selector
from switchboard_operator.errors import NumberHeldError, OperatorError
from switchboard_operator.kube.kinds import TENANT
from switchboard_operator.kube.objects import Object, namespace_of, owner_name
from switchboard_operator.kube.progress import trouble_of
from switchboard_operator.pin import Pin
from switchboard_operator.sip.bind import Binding
from switchboard_operator.sip.rivals import Rival


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition before it gets its time."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Which model servers an agent uses, and what is to be said of them: nothing without any."""

    servers: tuple[ModelServerStatus, ...] = ()
    findings: tuple[Finding, ...] = ()
    gates: bool = True
    """Whether Ready needs them; not while another revision serves until they answer."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of an agent's probes."""

    finding: Finding
    gates: bool
    """Whether Ready needs it."""
    last: LastProbe | None


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a status is made from."""

    generation: int
    pool: str
    tenant: str
    refusal: Refusal | None
    suspended: bool
    revision: str
    wanted_numbers: tuple[str, ...]
    binding: Binding
    sip_error: OperatorError | None
    deployment: Object | None
    children_error: OperatorError | None
    active_calls: int
    rival: Rival | None = None
    """A dispatch rule of somebody else that concerns the agent's calls."""
    sip: bool = True
    """Whether calls come through LiveKit; if not, nothing of it is told."""
    twilio_webhook: str = ""
    """Where Twilio shall ask about calls; empty if it brings none."""
    pin: Pin | None = None
    spec_revision: str = ""
    has_variants: bool = False
    paused: bool = False
    capacity: int = 0
    scaling: Finding | None = None
    """ScalingReady; None where it is not asked for. Not rolled up: see `scaling_status`."""
    models: ModelUse = field(default_factory=ModelUse)
    probe: Tried | None = None
    """None where probes are not wanted."""


def agent_status(seen: Observation, before: list[Condition], now: str) -> VoiceAgentStatus:
    """Return the status of a VoiceAgent."""
    findings = [_accepted(seen)]
    if seen.sip:
        findings += [_numbers_bound(seen), _sip_ready(seen)]
    if seen.twilio_webhook:
        findings.append(_twilio_ready(seen))
    findings += seen.models.findings if seen.models.gates else ()
    findings.append(_workers_ready(seen))
    if seen.paused:
        findings.append(_true(ConditionType.PAUSED, Reason.PAUSED, notes.PAUSED))
    probe = seen.probe
    findings += [probe.finding] if probe and probe.gates else []
    ready = _ready(findings, seen)
    findings += () if seen.models.gates else seen.models.findings
    findings += [probe.finding] if probe and not probe.gates else []
    findings += [seen.scaling] if seen.scaling else []
    findings.append(ready)
    counts = (seen.deployment or {}).get("status") or {}
    return VoiceAgentStatus(
        observed_generation=seen.generation,
        conditions=conditions(findings, seen.generation, before, now),
        tenant=seen.tenant or None,
        numbers=sorted(seen.binding.numbers),
        revision=seen.revision or None,
        pinned_revision=_pinned(seen),
        spec_revision=(seen.spec_revision != seen.revision and seen.spec_revision) or None,
        workers=counts.get("replicas", 0),
        ready_workers=counts.get("readyReplicas", 0),
        selector=",".join(f"{k}={v}" for k, v in selector(seen.pool).items()),
        active_calls=seen.active_calls,
        capacity=seen.capacity,
        model_servers=list(seen.models.servers),
        trunk_id=seen.binding.trunk_id or None,
        rule_id=seen.binding.rule_id or None,
        outbound_trunks=list(_outbound(seen.binding)),
        last_probe=probe.last if probe else None,
    )


def _pinned(seen: Observation) -> str | None:
    """Return the pinned revision if it serves: another one may, until its models answer."""
    pin = seen.pin
    return pin.revision if pin and pin.kept and pin.revision == seen.revision else None


def conditions(
    findings: list[Finding], generation: int, before: list[Condition], now: str
) -> list[Condition]:
    """Give findings their times: a condition whose status stays keeps its time."""
    times = {c.type: c.last_transition_time for c in before}
    statuses = {c.type: c.status for c in before}
    return [
        Condition(
            type=finding.type,
            status=finding.status,
            reason=finding.reason,
            message=finding.message,
            last_transition_time=(
                times[finding.type] if statuses.get(finding.type) is finding.status else now
            ),
            observed_generation=generation,
        )
        for finding in findings
    ]


def _true(kind: ConditionType, reason: Reason, message: str) -> Finding:
    return Finding(kind, ConditionStatus.TRUE, reason, message)


def _false(kind: ConditionType, reason: Reason, message: str) -> Finding:
    return Finding(kind, ConditionStatus.FALSE, reason, message)


def _accepted(seen: Observation) -> Finding:
    if seen.refusal:
        return _false(ConditionType.ACCEPTED, seen.refusal.reason, seen.refusal.message)
    if seen.pin:
        return _true(ConditionType.ACCEPTED, *_pin_note(seen, seen.pin))
    return _true(
        ConditionType.ACCEPTED, Reason.ACCEPTED, f"accepted as an agent of Tenant {seen.tenant}"
    )


def _numbers_bound(seen: Observation) -> Finding:
    kind = ConditionType.NUMBERS_BOUND
    bound, wanted = set(seen.binding.numbers), set(seen.wanted_numbers)
    if seen.sip_error and not isinstance(seen.sip_error, NumberHeldError):
        return Finding(
            kind, ConditionStatus.UNKNOWN, seen.sip_error.reason, _retried(seen.sip_error)
        )
    if isinstance(seen.sip_error, NumberHeldError):
        return _false(kind, seen.sip_error.reason, str(seen.sip_error))
    if wanted and bound == wanted:
        return _true(kind, Reason.BOUND, f"bound in LiveKit: {', '.join(sorted(bound))}")
    if seen.refusal and not bound:
        return _false(kind, Reason.NOT_ACCEPTED, "no number is bound; see Accepted")
    if seen.refusal:
        kept = ", ".join(sorted(bound))
        return _false(kind, Reason.NOT_ACCEPTED, f"still bound from before: {kept}; see Accepted")
    return _false(kind, Reason.NOT_BOUND, "LiveKit does not hold the numbers yet")


def _sip_ready(seen: Observation) -> Finding:
    kind = ConditionType.SIP_READY
    if seen.sip_error:
        return _false(kind, seen.sip_error.reason, _retried(seen.sip_error))
    if seen.rival and seen.rival.takes_calls:
        return _false(kind, Reason.FOREIGN_RULE, seen.rival.message)
    if seen.refusal and (not seen.binding.rule_id or seen.refusal.withdraw is not Withdraw.NOTHING):
        return _false(kind, Reason.NOT_ACCEPTED, "new calls are not dispatched; see Accepted")
    if seen.suspended:
        return _false(
            kind,
            Reason.SUSPENDED,
            "spec.suspend is true: calls in progress go on, new ones are not dispatched",
        )
    return _sip_bound(seen)


def _sip_bound(seen: Observation) -> Finding:
    kind, there = ConditionType.SIP_READY, "trunk and dispatch rule are in LiveKit"
    if not (seen.binding.trunk_id and seen.binding.rule_id):
        return _false(kind, Reason.PENDING, "trunk and dispatch rule are not in LiveKit yet")
    if seen.rival:
        return _true(kind, Reason.OPEN_RULE, f"{there}; {seen.rival.message}")
    return _true(kind, Reason.SIP_READY, there)


def _twilio_ready(seen: Observation) -> Finding:
    kind = ConditionType.TWILIO_READY
    if seen.refusal:
        return _false(kind, Reason.NOT_ACCEPTED, "new calls hear busy; see Accepted")
    if seen.suspended:
        message = "spec.suspend is true: calls in progress go on, new ones hear busy"
        return _false(kind, Reason.SUSPENDED, message)
    return _true(
        kind,
        Reason.TWILIO_READY,
        f"workers know the line; at Twilio, set {seen.twilio_webhook} (HTTP POST) as the webhook "
        "for incoming calls of the numbers",
    )


def _retried(error: OperatorError) -> str:
    return f"{error}; tried again until it works"


def _workers_ready(seen: Observation) -> Finding:
    kind = ConditionType.WORKERS_READY
    if seen.children_error:
        return _false(kind, seen.children_error.reason, _retried(seen.children_error))
    if seen.deployment is None:
        message = "no worker is started; see Accepted" if seen.refusal else "not started yet"
        return _false(
            kind, Reason.NOT_ACCEPTED if seen.refusal else Reason.WORKERS_STARTING, message
        )
    status = seen.deployment.get("status") or {}
    ready, there = status.get("readyReplicas", 0), status.get("replicas", 0)
    name = seen.deployment["metadata"]["name"]
    trouble = trouble_of(status)
    if ready:
        message = "at least one worker is registered and warm"
        more = f"; but Deployment {name}: {trouble}" if trouble else ""
        return _true(kind, Reason.WORKERS_READY, message + more)
    if trouble:
        return _false(
            kind,
            Reason.WORKERS_FAILING,
            f"Deployment {name}: {trouble}; see 'kubectl describe deployment {name}' and its pods",
        )
    return _false(
        kind,
        Reason.WORKERS_STARTING,
        f"Deployment {name} has {there} worker pods, none is registered and warm yet; see "
        f"'kubectl get pods {_where(seen.deployment, seen.pool)}'",
    )


def _where(deployment: Object, pool: str) -> str:
    """Say how to find the pods; those of a shared pool are not in the agent's namespace."""
    labels = ",".join(f"{key}={value}" for key, value in selector(pool).items())
    shared = owner_name(TENANT.kind, deployment)
    return f"-n {namespace_of(deployment)} -l {labels}" if shared else f"-l {labels}"


def _outbound(binding: Binding) -> Iterator[OutboundTrunkStatus]:
    for trunk in binding.outbound:
        yield OutboundTrunkStatus(name=trunk.carrier, trunk_id=trunk.trunk_id)


def _ready(findings: list[Finding], seen: Observation) -> Finding:
    said = [_pin_note(seen, seen.pin)[1]] if seen.pin else []
    said += [notes.PAUSED] if seen.paused else []
    for finding in findings:
        if finding.status is not ConditionStatus.TRUE:
            message = "; ".join([finding.message, *said])
            return _false(ConditionType.READY, finding.reason, message)
    message = "; ".join(["can take a call now", *said])
    return _true(ConditionType.READY, Reason.PAUSED if seen.paused else Reason.READY, message)


def _pin_note(seen: Observation, pin: Pin) -> tuple[Reason, str]:
    return notes.pin_note(pin, seen.spec_revision, variants=seen.has_variants)
