"""A VoiceAgent's probes, as one look at it sees them."""

from dataclasses import replace

from pydantic import ValidationError

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.crd.last_probe import LastProbe
from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.voice_agent import ProbeSpec
from switchboard_operator.desired.dispatch_rule import DesiredRule
from switchboard_operator.desired.plan import DesiredState
from switchboard_operator.directory import Key, agent_key
from switchboard_operator.kube.objects import (
    APPLIED_HASH,
    Object,
    annotations_of,
    name_of,
    namespace_of,
)
from switchboard_operator.probe.attempt import Target
from switchboard_operator.probe.condition import Probed, probe_answered
from switchboard_operator.reconcile.context import Context
from switchboard_operator.status import Observation, Tried


def look(
    context: Context, agent: Object, desired: DesiredState | None, seen: Observation
) -> Observation:
    """Have the agent tried out, if it can be; return what was seen with what is known of that."""
    prober, wanted, key = context.prober, _wanted(agent), agent_key(agent)
    if prober is None:
        return seen
    if not wanted.enabled:
        prober.forget(key)
        return seen
    last, why_not = _last(agent), obstacle(seen)
    rule = desired.rule if desired else None
    if why_not or rule is None or seen.paused:
        prober.pause(key)
    else:
        last = prober.watch(key, _target(agent, seen, rule, wanted), last)
    pool = rule.pool if rule else seen.pool
    finding = probe_answered(Probed(seen.revision, pool, last, why_not))
    return replace(seen, probe=Tried(finding, wanted.gates_ready, last))


def forget(context: Context, key: Key) -> None:
    """Let go of an agent that is going or gone."""
    if context.prober is not None:
        context.prober.forget(key)


def obstacle(seen: Observation) -> str:
    """Return why an agent cannot be tried out now; empty if it can."""
    if seen.refusal:
        return "see Accepted"
    if seen.suspended:
        return "no calls are dispatched while spec.suspend is true"
    if seen.sip and (seen.sip_error or not seen.binding.rule_id):
        return "there is no dispatch rule; see SIPReady"
    if not ((seen.deployment or {}).get("status") or {}).get("readyReplicas"):
        return "no worker is ready; see WorkersReady"
    findings = seen.models.findings if seen.models.gates else ()
    models = [f for f in findings if f.status is not ConditionStatus.TRUE]
    return "a model server is not ready; see ModelsReady" if models else ""


def rolled_out(deployment: Object) -> str:
    """Return what names the worker pods' template; empty until all pods have it and are ready."""
    status, metadata = deployment.get("status") or {}, deployment["metadata"]
    there = status.get("replicas", 0)
    settled = status.get("updatedReplicas", 0) == status.get("readyReplicas", 0) == there
    current = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    return annotations_of(deployment).get(APPLIED_HASH, "") if settled and current else ""


def _target(agent: Object, seen: Observation, rule: DesiredRule, wanted: ProbeSpec) -> Target:
    dispatch = DispatchMetadata.model_validate_json(rule.dispatch_metadata)
    probe = dispatch.model_copy(update={"probe": True})
    return Target(
        namespace=namespace_of(agent),
        name=name_of(agent),
        tenant=seen.tenant,
        pool=rule.pool,
        revision=seen.revision,
        dispatch=probe.model_dump_json(by_alias=True, exclude_defaults=True),
        rollout=rolled_out(seen.deployment) if seen.deployment else "",
        interval_seconds=wanted.interval_seconds,
    )


def _wanted(agent: Object) -> ProbeSpec:
    """Return what the spec asks for; the defaults where the spec is refused for something."""
    try:
        return ProbeSpec.model_validate((agent.get("spec") or {}).get("probe") or {})
    except ValidationError:
        return ProbeSpec()


def _last(agent: Object) -> LastProbe | None:
    try:
        found = (agent.get("status") or {}).get("lastProbe")
        return LastProbe.model_validate(found) if found else None
    except ValidationError:
        return None
