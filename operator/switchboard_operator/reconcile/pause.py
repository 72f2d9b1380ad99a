"""A paused VoiceAgent: the operator looks, and changes nothing.

For hands-on work on children or LiveKit objects that the operator would put right at once. It is no
way around a refusal: what a lost tenant or number takes from a paused agent is taken.
"""

from dataclasses import replace

from switchboard_contract import names
from switchboard_operator.accept import Refusal, Withdraw
from switchboard_operator.errors import OperatorError
from switchboard_operator.kube.objects import Object, annotations_of, uid_of
from switchboard_operator.pin import Pin
from switchboard_operator.reconcile import lines, telephony
from switchboard_operator.reconcile.context import Context
from switchboard_operator.sip import bind
from switchboard_operator.status import Observation


def is_paused(agent: Object) -> bool:
    """Tell whether somebody paused the VoiceAgent."""
    return annotations_of(agent).get(names.PAUSED) == "true"


async def enforce(context: Context, agent: Object, refusal: Refusal | None) -> OperatorError | None:
    """Do the one thing that is done for a paused agent: take away what it may not have."""
    uid = uid_of(agent)
    answered = bool(context.mirror.rules.of_owner(uid))
    try:
        if refusal and bind.observe(context.mirror, uid) != bind.Binding():
            await bind.withdraw(context.mirror, uid, refusal.withdraw)
        if refusal and refusal.withdraw is not Withdraw.NOTHING:
            await lines.withdraw(context, agent)
        await telephony.cut(context, agent, answered=answered)
    except OperatorError as error:
        return error
    return context.mirror.error


def seen_paused(seen: Observation, agent: Object) -> Observation:
    """Return what is there, not what the spec would have made of it."""
    before = agent.get("status") or {}
    pinned = str(before.get("pinnedRevision", ""))
    return replace(
        seen,
        paused=True,
        suspended=seen.suspended and not seen.binding.rule_id,
        revision=str(before.get("revision", "")),
        pin=Pin(pinned, kept=True) if pinned else None,
        spec_revision=str(before.get("specRevision", "")),
    )
