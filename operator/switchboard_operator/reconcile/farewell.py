"""The end of a VoiceAgent, without cutting a call.

    rule (no new calls) -> trunks (numbers are free) -> calls in progress end -> finalizer

Until then everything that a call needs stays: the workers, their Secret and NetworkPolicy, and the
model servers that count this VoiceAgent among those who ask for them. The garbage collector takes
the children once the finalizer is off; workers without calls end at once.
The wait is bounded: no call is longer than limits.maxCallSeconds. What blocks shows in `Ready`.
"""

import logging
from datetime import datetime

from pydantic import ValidationError

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import ConditionType, Reason, VoiceAgentStatus
from switchboard_contract.crd.voice_agent import Limits
from switchboard_operator.accept import Withdraw
from switchboard_operator.desired.trunk import MAX_DURATION_MARGIN_SECONDS
from switchboard_operator.directory import agent_key
from switchboard_operator.errors import OperatorError
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.kube.objects import Object, uid_of
from switchboard_operator.reconcile import copies, finalizer, lines, report
from switchboard_operator.reconcile.context import Context
from switchboard_operator.sip import bind
from switchboard_operator.status import Finding, conditions

_log = logging.getLogger(__name__)


async def let_go(context: Context, agent: Object) -> bool:
    """Take a deleted VoiceAgent one step further; return whether it still waits."""
    if not finalizer.is_held(agent):
        return False
    if finalizer.skips_cleanup(agent):
        _log.warning("LiveKit left as it is", extra={"voice_agent": str(agent_key(agent))})
    else:
        await lines.withdraw(context, agent)
        live = await _cleared(context, agent)
        if live and not over(agent, context.now()):
            await _say(context, agent, Reason.DELETING, waiting_for(live), live)
            return True
    await copies.remove(context, agent)
    await finalizer.release(context.api, agent)
    return False


async def _cleared(context: Context, agent: Object) -> int:
    """Take everything out of LiveKit; return how many calls are in progress."""
    try:
        await bind.withdraw(context.mirror, uid_of(agent), Withdraw.ALL)
        return len(await context.mirror.rooms.of(str(agent_key(agent))))
    except OperatorError as error:
        await _say(context, agent, error.reason, blocked_by(error))
        raise


def waiting_for(calls: int) -> str:
    """Say what a deletion waits for."""
    some = "1 call" if calls == 1 else f"{calls} calls"
    return (
        f"being deleted: its numbers are free, waiting for {some} to end (at most "
        f"limits.maxCallSeconds); annotate it with {finalizer.SKIP_CLEANUP}=true not to wait"
    )


def blocked_by(error: OperatorError) -> str:
    """Say what a deletion is stuck on, and how to do without."""
    return (
        f"being deleted, but not gone from LiveKit: {error}; tried again until it works, or "
        f"annotate it with {finalizer.SKIP_CLEANUP}=true to leave its LiveKit objects behind"
    )


def over(agent: Object, now: str) -> bool:
    """Tell whether the longest call that may have been in progress must have ended."""
    since = datetime.fromisoformat(agent["metadata"]["deletionTimestamp"])
    waited = (datetime.fromisoformat(now) - since).total_seconds()
    return waited > _longest_call(agent) + MAX_DURATION_MARGIN_SECONDS


def _longest_call(agent: Object) -> int:
    limits = (agent.get("spec") or {}).get("limits") or {}
    try:
        return Limits.model_validate(limits).max_call_seconds
    except ValidationError:
        return Limits().max_call_seconds


async def _say(
    context: Context, agent: Object, reason: Reason, message: str, calls: int | None = None
) -> None:
    """Write `Ready=False`; the other conditions stay as they were last seen."""
    before = report.conditions_before(agent)
    generation = agent["metadata"]["generation"]
    ready = Finding(ConditionType.READY, ConditionStatus.FALSE, reason, message)
    kept = [condition for condition in before if condition.type != ConditionType.READY]
    changes: dict[str, object] = {
        "observed_generation": generation,
        "conditions": [*kept, *conditions([ready], generation, before, context.now())],
    }
    if calls is not None:
        changes["active_calls"] = calls
    status = _status_of(agent).model_copy(update=changes)
    await report.write(context, VOICE_AGENT, agent, status)


def _status_of(agent: Object) -> VoiceAgentStatus:
    try:
        return VoiceAgentStatus.model_validate(agent.get("status") or {})
    except ValidationError:
        return VoiceAgentStatus()
