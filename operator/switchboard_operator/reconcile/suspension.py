"""The first thing that the suspension of a Tenant does: no rule of it takes a call any more.

Its VoiceAgents are looked at one by one afterwards, for their status and the rest. With hundreds of
them that takes longer than the five seconds in which a suspension must hold, so what counts is done
here for all of them at one go, ahead of everything that waits.
"""

import asyncio
import logging

from switchboard_contract.crd.tenant import SuspendPolicy
from switchboard_operator.directory import Key, is_suspended
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.kube.objects import Object, uid_of
from switchboard_operator.reconcile.context import Context
from switchboard_operator.sip import bind

_log = logging.getLogger(__name__)


async def reconcile(context: Context, key: Key) -> bool:
    """Stop the calls of one Tenant; there is nothing to look at again."""
    tenant = context.directory.tenant(key.name)
    if not is_suspended(tenant):
        return False
    agents = context.directory.agents_of(key.name)
    found = [context.store.get(VOICE_AGENT, agent.namespace, agent.name) for agent in agents]
    rules = await bind.withdraw_rules(context.mirror, [uid_of(one) for one in found if one])
    _log.info("suspended", extra={"tenant": key.name, "rules": rules})
    if _cuts_calls(tenant):
        await _cut(context, agents)
    return False


def _cuts_calls(tenant: Object | None) -> bool:
    spec = (tenant or {}).get("spec") or {}
    return bool(spec.get("suspendPolicy") == SuspendPolicy.CUT)


async def _cut(context: Context, agents: list[Key]) -> None:
    """End all calls; the agents share the list of rooms that they ask for together."""
    ends = [context.mirror.rooms.end(str(agent)) for agent in agents]
    for ended in await asyncio.gather(*ends, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
