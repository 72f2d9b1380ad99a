"""Making LiveKit match: trunk before rule, rule gone before trunk, always `replace`.

Objects are found by the owner's UID in their metadata, so a lost id costs nothing and an object
that was made by a process which died before it could note the id is adopted, not doubled.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from livekit.protocol.sip import SIPInboundTrunkInfo

from switchboard_contract.sip_routing import normalize_number
from switchboard_operator.accept import Withdraw
from switchboard_operator.desired.dispatch_rule import DesiredRule
from switchboard_operator.desired.trunk import DesiredTrunk
from switchboard_operator.errors import LiveKitRefusedError, NumberHeldError
from switchboard_operator.sip import outbound
from switchboard_operator.sip.mirror import Mirror
from switchboard_operator.sip.outbound import Outbound
from switchboard_operator.sip.wire import agent_of, rule_message, same, trunk_message


@dataclass(frozen=True, slots=True)
class Binding:
    """What an agent has in LiveKit; empty ids mean that it is not there."""

    trunk_id: str = ""
    rule_id: str = ""
    numbers: tuple[str, ...] = ()
    outbound: tuple[Outbound, ...] = ()


def observe(mirror: Mirror, uid: str) -> Binding:
    """Return what an agent has in LiveKit, as far as known."""
    trunks, rules = mirror.trunks.of_owner(uid), mirror.rules.of_owner(uid)
    return Binding(
        trunk_id=trunks[0].sip_trunk_id if trunks else "",
        rule_id=rules[0].sip_dispatch_rule_id if rules else "",
        numbers=tuple(trunks[0].numbers) if trunks else (),
        outbound=outbound.observe(mirror, uid),
    )


async def bind(
    mirror: Mirror,
    uid: str,
    trunk: DesiredTrunk,
    rule: DesiredRule | None,
    *,
    keep_rule: bool = False,
    still: Callable[[], bool] = lambda: True,
) -> None:
    """Make LiveKit hold exactly this trunk and this rule (or none) for a VoiceAgent.

    With `keep_rule` the rule that is there stays as it is, if it goes with the trunk. `still` says,
    once it is our turn, whether calls may come at all: a Tenant may have been suspended meanwhile.
    """
    if mirror.error:
        raise mirror.error
    async with mirror.lock:
        trunk_id = await _bind_trunk(mirror, uid, trunk)
        if rule is None or not still():
            await _drop_rules(mirror, uid, keep=0)
        elif not (keep_rule and _goes_with(mirror, uid, trunk_id)):
            await _bind_rule(mirror, uid, rule, trunk_id)


async def withdraw_rules(mirror: Mirror, uids: Iterable[str]) -> int:
    """Take the rules of many agents out of LiveKit at one go; return how many there were.

    Under one hold of the lock: taken again for each, it would be shared with every reconcile.
    """
    if mirror.error:
        raise mirror.error
    async with mirror.lock:
        found = [(uid, len(mirror.rules.of_owner(uid))) for uid in uids]
        for uid, count in found:
            if count:
                await _drop_rules(mirror, uid, keep=0)
    return sum(count for _, count in found)


def _goes_with(mirror: Mirror, uid: str, trunk_id: str) -> bool:
    rules = mirror.rules.of_owner(uid)
    return bool(rules) and list(rules[0].trunk_ids) == [trunk_id]


async def withdraw(mirror: Mirror, uid: str, extent: Withdraw) -> None:
    """Take an agent's rule and outbound trunks, or its inbound trunk too, out of LiveKit."""
    if extent is Withdraw.NOTHING:
        return
    if mirror.error:
        raise mirror.error
    async with mirror.lock:
        await _drop_rules(mirror, uid, keep=0)
        await outbound.drop(mirror, uid)
        if extent is Withdraw.ALL:
            await _drop_trunks(mirror, uid, keep=0)


async def _bind_trunk(mirror: Mirror, uid: str, trunk: DesiredTrunk) -> str:
    wanted = trunk_message(trunk)
    await _drop_trunks(mirror, uid, keep=1)
    existing = mirror.trunks.of_owner(uid)
    if existing and same(existing[0], wanted):
        return existing[0].sip_trunk_id
    _refuse_conflict(mirror, wanted, uid)
    try:
        if existing:
            trunk_id = existing[0].sip_trunk_id
            made = await mirror.api.replace_trunk(trunk_id, wanted)
        else:
            made = await mirror.api.create_trunk(wanted)
    except LiveKitRefusedError as error:
        if "onflicting" in str(error):
            text = f"LiveKit holds a number of spec.numbers in another trunk: {error}"
            raise NumberHeldError(text) from error
        raise
    mirror.trunks.put(made)
    return made.sip_trunk_id


def _refuse_conflict(mirror: Mirror, wanted: SIPInboundTrunkInfo, uid: str) -> None:
    """Say who holds a number before LiveKit does: it names only the id."""
    if trunk := mirror.conflicting(wanted, uid):
        ours = {normalize_number(number) for number in wanted.numbers}
        both = sorted(ours & {normalize_number(number) for number in trunk.numbers})
        owner = agent_of(trunk.metadata)
        whose = f"of VoiceAgent {owner}" if owner else "that Switchboard did not make"
        raise NumberHeldError(
            f"spec.numbers: {', '.join(both)} stands in LiveKit trunk {trunk.sip_trunk_id} {whose};"
            " delete that trunk or remove the number here"
        )


async def _bind_rule(mirror: Mirror, uid: str, rule: DesiredRule, trunk_id: str) -> None:
    wanted = rule_message(rule, trunk_id)
    await _drop_rules(mirror, uid, keep=1)
    existing = mirror.rules.of_owner(uid)
    if existing and same(existing[0], wanted):
        return
    if existing:
        made = await mirror.api.replace_rule(existing[0].sip_dispatch_rule_id, wanted)
    else:
        made = await mirror.api.create_rule(wanted)
    mirror.rules.put(made)


async def _drop_rules(mirror: Mirror, uid: str, *, keep: int) -> None:
    for rule in mirror.rules.of_owner(uid)[keep:]:
        await mirror.api.delete_rule(rule.sip_dispatch_rule_id)
        mirror.rules.drop(rule.sip_dispatch_rule_id)


async def _drop_trunks(mirror: Mirror, uid: str, *, keep: int) -> None:
    for trunk in mirror.trunks.of_owner(uid)[keep:]:
        await mirror.api.delete_trunk(trunk.sip_trunk_id)
        mirror.trunks.drop(trunk.sip_trunk_id)
