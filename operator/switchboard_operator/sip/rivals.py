"""Dispatch rules of others that take an agent's calls, or would if its own rule were not there.

LiveKit is open: a rule without `trunk_ids` takes calls of every trunk, and of callers whom no trunk
let in, unchecked. One that names the agent's trunk beside its own can go first. Switchboard makes
no such rules and cannot refuse those of others; it says which one it is and what it does. What
LiveKit would do is not guessed: the same pure function routes the SIP edge's calls.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.json_format import MessageToDict
from livekit.protocol.sip import SIPDispatchRuleInfo

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    WireError,
    match_rule,
    rule_from_json,
)
from switchboard_operator.sip.bind import Binding
from switchboard_operator.sip.mirror import Mirror


@dataclass(frozen=True, slots=True)
class Rival:
    """A rule that is not the agent's."""

    message: str
    """What it does and what to do about it."""
    takes_calls: bool
    """Whether calls go there now, and not only those that the agent's trunk does not let in."""


def observe(mirror: Mirror, binding: Binding) -> Rival | None:
    """Return the rule that does an agent's calls most harm, as far as known; None without one."""
    if not binding.trunk_id:
        return None
    found = mirror.serving(binding.trunk_id)
    if all(rule.sip_dispatch_rule_id == binding.rule_id for rule in found):
        return None
    return rival(binding, _readable(found))


def rival(binding: Binding, rules: list[DispatchRule]) -> Rival | None:
    """Judge the rules that may take calls of a trunk. Pure."""
    trunk = InboundTrunk(binding.trunk_id, numbers=binding.numbers)
    others = [rule for rule in rules if rule.id != binding.rule_id]
    near = [rule for rule in others if _called(rule, binding.numbers)]
    for invite in _invites(binding.numbers, near):
        found = match_rule(rules, trunk, invite)
        if isinstance(found, Refusal):
            if found.reason is RefusalReason.RULES_AMBIGUOUS:
                message = f"LiveKit takes no call: {found.text}; {found.remedy}"
                return Rival(message, takes_calls=True)
        elif found.rule.id != binding.rule_id:
            return Rival(_taken(found.rule, binding), takes_calls=True)
    return Rival(_open(near[0]), takes_calls=False) if near else None


def _readable(rules: Iterable[SIPDispatchRuleInfo]) -> list[DispatchRule]:
    found = []
    for rule in rules:
        try:
            found.append(rule_from_json(MessageToDict(rule)))
        except WireError:
            continue  # of a kind that is newer than this module: nobody knows what it takes
    return found


def _invites(numbers: tuple[str, ...], others: list[DispatchRule]) -> Iterator[Invite]:
    """Return a call for each rule that it would take, if any goes there."""
    yield Invite(called=numbers[0] if numbers else "", caller="")
    for rule in others:
        yield Invite(_called(rule, numbers), next(iter(rule.inbound_numbers), ""))


def _called(rule: DispatchRule, numbers: tuple[str, ...]) -> str:
    """Return a number of the agent, as callers may send it, that a rule takes; empty if none."""
    spelled = [form for number in numbers for form in (number, number.removeprefix("+"))]
    return next((form for form in spelled if not rule.numbers or form in rule.numbers), "")


def _taken(rule: DispatchRule, binding: Binding) -> str:
    where = f"names trunk {binding.trunk_id}" if rule.trunk_ids else "names no trunk"
    return f"calls go to dispatch rule {_shown(rule)}, which {where}: {_remedy(rule)}"


def _open(rule: DispatchRule) -> str:
    return (
        f"but dispatch rule {_shown(rule)} names no trunk, so callers whom the Tenant's "
        "spec.sip.ingress keeps out get there, and everybody while this agent takes no calls: "
        f"{_remedy(rule)}"
    )


def _shown(rule: DispatchRule) -> str:
    return f"{rule.id} ({rule.name})" if rule.name else rule.id


def _remedy(rule: DispatchRule) -> str:
    other = "name its own trunk there" if rule.trunk_ids else "give it the trunk_ids that it is for"
    return f"delete it ('lk sip dispatch delete {rule.id}'), or {other}"
