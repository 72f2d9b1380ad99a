"""One look at one VoiceAgent.

    decide -> finalizer -> children -> LiveKit -> what is not needed any more -> status

The two sides do not wait for each other: with LiveKit away the workers still start, with the API
server refusing a child the trunk still reserves its numbers. What failed stands in the status and
is raised afterwards, so that the queue tries again.
"""

from dataclasses import dataclass, replace

from switchboard_contract import names
from switchboard_operator.accept import Withdraw
from switchboard_operator.desired import shared_pool
from switchboard_operator.desired.names import worker_name
from switchboard_operator.desired.plan import DesiredState, plan
from switchboard_operator.directory import Key, agent_key
from switchboard_operator.errors import OperatorError
from switchboard_operator.kube.kinds import DEPLOYMENT, VOICE_AGENT
from switchboard_operator.kube.objects import Object, is_deleting, name_of, namespace_of, uid_of
from switchboard_operator.reconcile import (
    children,
    copies,
    farewell,
    finalizer,
    handover,
    lines,
    load,
    models,
    pause,
    probing,
    report,
    telephony,
)
from switchboard_operator.reconcile.context import Context
from switchboard_operator.reconcile.decide import Decision, decide
from switchboard_operator.sip import bind, rivals
from switchboard_operator.status import Observation, agent_status


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was planned, and what of it failed."""

    desired: DesiredState | None
    children_error: OperatorError | None
    sip_error: OperatorError | None


async def reconcile(context: Context, key: Key) -> bool:
    """Bring one VoiceAgent in order; return whether it still exists."""
    agent = context.store.get(VOICE_AGENT, key.namespace, key.name)
    if agent is None:
        context.references.retain(key, set())
        probing.forget(context, key)
        return False
    if is_deleting(agent):
        context.references.retain(key, set())
        probing.forget(context, key)
        return await farewell.let_go(context, agent)
    decision = await decide(context, agent)
    if pause.is_paused(agent):
        error = await pause.enforce(context, agent, decision.refusal)
        await _report(context, agent, decision, Outcome(_planned(context, decision), None, error))
        if error:
            raise error
        return True
    if decision.inputs and not finalizer.is_held(agent):
        await finalizer.hold(context.api, context.store, agent)
    desired = _planned(context, decision)
    if desired is None and decision.refusal and decision.refusal.withdraw is not Withdraw.NOTHING:
        await lines.withdraw(context, agent)
    outcome = Outcome(
        desired,
        children_error=await _make_children(context, decision, desired),
        sip_error=await telephony.make(context, agent, decision, desired),
    )
    pruned = await _prune(context, agent, decision, desired)
    outcome = replace(outcome, children_error=outcome.children_error or pruned)
    await _report(context, agent, decision, outcome)
    if error := outcome.children_error or outcome.sip_error:
        raise error
    return True


def _planned(context: Context, decision: Decision) -> DesiredState | None:
    return plan(decision.inputs, context.settings.worker) if decision.inputs else None


async def _make_children(
    context: Context, decision: Decision, desired: DesiredState | None
) -> OperatorError | None:
    if decision.inputs is None or desired is None:
        return None
    try:
        await children.make(context, desired)
        await copies.settle(context, decision.inputs, desired.in_use)
    except OperatorError as error:
        return error
    return None


async def _prune(
    context: Context, agent: Object, decision: Decision, desired: DesiredState | None
) -> OperatorError | None:
    """Remove what the plan no longer has; last, because calls went there until now."""
    if not (decision.inputs and desired and handover.is_done(context, agent, desired)):
        return None
    try:
        await children.prune(context, decision.inputs, desired)
        await copies.prune(context, decision.inputs)
    except OperatorError as error:
        return error
    return None


async def _report(context: Context, agent: Object, decision: Decision, outcome: Outcome) -> None:
    namespace, name, desired = namespace_of(agent), name_of(agent), outcome.desired
    agent = context.store.get(VOICE_AGENT, namespace, name) or agent
    before = agent.get("status") or {}
    pool = decision.inputs.pool_name if decision.inputs else names.pool_name(namespace, name)
    where = desired.deployment if desired else (namespace, worker_name(name))
    shared = context.settings.worker.shared_namespace
    serving = shared_pool.serving(decision.inputs, shared) if decision.inputs else None
    binding = bind.observe(context.mirror, uid_of(agent))
    figures = load.load(context, f"{namespace}/{name}", pool)
    seen = Observation(
        generation=agent["metadata"]["generation"],
        pool=pool,
        tenant=context.directory.tenant_name(namespace),
        refusal=decision.refusal,
        sip=desired is None or desired.sip,
        twilio_webhook=desired.twilio_webhook if desired else "",
        suspended=desired is not None and desired.rule is None,
        revision=desired.revision if desired else str(before.get("revision", "")),
        wanted_numbers=desired.trunk.numbers if desired else (),
        binding=binding,
        rival=rivals.observe(context.mirror, binding),
        sip_error=outcome.sip_error,
        deployment=context.store.get(DEPLOYMENT, *where),
        children_error=outcome.children_error,
        active_calls=figures.active_calls,
        capacity=figures.capacity,
        scaling=load.scaling(context, serving) if serving else None,
        models=models.use(context, agent, decision),
        pin=decision.pin,
        spec_revision=desired.spec_revision if desired else "",
        has_variants=bool(decision.inputs and decision.inputs.spec.variants),
    )
    if pause.is_paused(agent):
        seen = pause.seen_paused(seen, agent)
    seen = probing.look(context, agent, desired, seen)
    status = agent_status(seen, report.conditions_before(agent), context.now())
    await report.write(context, VOICE_AGENT, agent, status)
    models.follow(context, agent_key(agent))
