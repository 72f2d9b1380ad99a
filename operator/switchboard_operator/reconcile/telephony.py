"""The LiveKit side of one VoiceAgent: trunks and rule made or taken away; calls cut if asked.

A suspended Tenant takes no new calls; what becomes of live ones is its suspendPolicy. To cut them
the rule goes first, or new calls would take the place of those that were ended.
"""

import logging
from functools import partial

from switchboard_contract.crd.tenant import SuspendPolicy
from switchboard_operator.accept import Withdraw
from switchboard_operator.desired.plan import DesiredState
from switchboard_operator.directory import agent_key, is_suspended
from switchboard_operator.errors import OperatorError
from switchboard_operator.kube.objects import Object, namespace_of, uid_of
from switchboard_operator.reconcile import handover
from switchboard_operator.reconcile.context import Context
from switchboard_operator.reconcile.decide import Decision
from switchboard_operator.sip import bind, outbound

_log = logging.getLogger(__name__)


async def make(
    context: Context, agent: Object, decision: Decision, desired: DesiredState | None
) -> OperatorError | None:
    """Bring LiveKit in order; return what went wrong."""
    mirror, uid = context.mirror, uid_of(agent)
    answered = bool(mirror.rules.of_owner(uid))
    try:
        if desired is not None and desired.sip:
            keep = handover.waits(context, agent, desired)
            still = partial(_may_take_calls, context, agent)
            await bind.bind(mirror, uid, desired.trunk, desired.rule, keep_rule=keep, still=still)
            await outbound.bind(mirror, uid, desired.outbound)
        elif extent := _withdrawn(decision, desired):
            await withdraw(context, agent, extent)
        await cut(context, agent, answered=answered)
    except OperatorError as error:
        return error
    return mirror.error if desired and desired.sip else None


def _withdrawn(decision: Decision, desired: DesiredState | None) -> Withdraw | None:
    if desired is not None:
        return Withdraw.ALL  # its calls do not come through LiveKit
    return decision.refusal.withdraw if decision.refusal else None


async def withdraw(context: Context, agent: Object, extent: Withdraw) -> None:
    """Take no new calls, or give the numbers back too."""
    if bind.observe(context.mirror, uid_of(agent)) != bind.Binding():
        await bind.withdraw(context.mirror, uid_of(agent), extent)


def _may_take_calls(context: Context, agent: Object) -> bool:
    tenant = context.directory.tenant_name(namespace_of(agent))
    return not is_suspended(context.directory.tenant(tenant))


async def cut(context: Context, agent: Object, *, answered: bool) -> None:
    """End the agent's calls if its Tenant is suspended so, and if there may be any.

    There may be when it took calls until now (`answered`), or the poll saw some since (such as one
    that was routed just before the rule went).
    """
    key = str(agent_key(agent))
    if _cuts_calls(context, agent) and (answered or context.mirror.calls[key]):
        ended = await context.mirror.rooms.end(key)
        _log.info("calls cut: Tenant suspended", extra={"voice_agent": key, "calls": ended})


def _cuts_calls(context: Context, agent: Object) -> bool:
    """Tell whether the Tenant is suspended and wants its live calls to end."""
    tenant = context.directory.tenant(context.directory.tenant_name(namespace_of(agent)))
    spec = (tenant or {}).get("spec") or {}
    return spec.get("suspend") is True and spec.get("suspendPolicy") == SuspendPolicy.CUT
