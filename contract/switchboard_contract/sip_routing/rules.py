"""Dispatch rules: the one that a call matches, and pairs that LiveKit will not hold side by side.

Numbers of rules are compared as exact strings with what the peer sent, while those of trunks are
normalised: a rule for "+15550100" does not take an INVITE to "15550100". For conflicts, though, the
numbers of rules are normalised, so storing both forms in one rule makes it conflict with itself.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from switchboard_contract.sip_routing.model import (
    Check,
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    RuleKind,
    RuleMatch,
    normalize_number,
)

_KIND_ORDER = {RuleKind.DIRECT: 0, RuleKind.INDIVIDUAL: 1, RuleKind.CALLEE: 2}
_OPEN_PENALTY = 100
_UNFILTERED_PENALTY = 1000

_Key = tuple[str, str, str, str]


def rule_priority(rule: DispatchRule) -> int:
    """LiveKit's order among rules that match; lower wins."""
    priority = _KIND_ORDER[rule.kind]
    priority += 0 if rule.pin else _OPEN_PENALTY
    priority += 0 if rule.inbound_numbers else _UNFILTERED_PENALTY
    priority += 0 if rule.numbers else _UNFILTERED_PENALTY
    return priority


def _keys(rule: DispatchRule) -> Iterator[_Key]:
    for trunk, caller, called in product(
        rule.trunk_ids or ("",), rule.inbound_numbers or ("",), rule.numbers or ("",)
    ):
        yield rule.pin, trunk, normalize_number(caller), normalize_number(called)


def _described(key: _Key) -> str:
    pin, trunk, caller, called = key
    parts = (
        f"trunk {trunk}" if trunk else "every trunk",
        f"caller {caller}" if caller else "any caller",
        f"called {called}" if called else "any called number",
        "the same PIN" if pin else "no PIN",
    )
    return ", ".join(parts)


def rule_conflicts(a: DispatchRule, b: DispatchRule) -> str | None:
    """Say why LiveKit refuses to hold both rules, or None. A rule can conflict with itself."""
    if a is b or (a.id == b.id and a.id):
        keys = list(_keys(a))
        shared = {key for key in keys if keys.count(key) > 1}
    else:
        shared = set(_keys(a)) & set(_keys(b))
    return f"both are for {_described(min(shared))}" if shared else None


def _first_conflict(rules: list[DispatchRule]) -> tuple[DispatchRule, DispatchRule, str] | None:
    holder: dict[_Key, DispatchRule] = {}
    for rule in rules:
        for key in _keys(rule):
            if key in holder:
                return holder[key], rule, _described(key)
            holder[key] = rule
    return None


def _obstacle(
    rule: DispatchRule, trunk: InboundTrunk | None, invite: Invite, pin: str | None
) -> str | None:
    """What keeps the call off this rule, or None."""
    if rule.trunk_ids and (trunk is None or trunk.id not in rule.trunk_ids):
        return f"serves only trunks {', '.join(rule.trunk_ids)}"
    for what, sent, listed in (
        ("caller", invite.caller, rule.inbound_numbers),
        ("called", invite.called, rule.numbers),
    ):
        if listed and sent not in listed:
            near = normalize_number(sent) in map(normalize_number, listed)
            trap = ' (only "+" or formatting differs: rules compare exact strings)' if near else ""
            return f"{what} {sent!r} is not in {', '.join(listed)}{trap}"
    if pin is not None and rule.pin != pin:
        return "has another PIN, or none" if pin else "asks for a PIN"
    return None


def _refused(trunk: InboundTrunk | None, pin: str | None, checks: tuple[Check, ...]) -> Refusal:
    if pin and any(check.because.startswith("has another PIN") for check in checks):
        return Refusal(RefusalReason.WRONG_PIN, "no rule has that PIN", "key the right PIN", checks)
    if trunk is None:
        return Refusal(
            RefusalReason.NO_TRUNK,
            "no trunk holds the called number and no rule serves every trunk",
            "create a trunk with the number in E.164 form, and a rule that names the trunk",
            checks,
        )
    return Refusal(
        RefusalReason.NO_RULE,
        f"no dispatch rule takes calls of trunk {trunk.id}",
        f"create a rule with trunk_ids [{trunk.id}] and without numbers",
        checks,
    )


def match_rule(
    rules: Iterable[DispatchRule],
    trunk: InboundTrunk | None,
    invite: Invite,
    *,
    pin: str | None = None,
) -> RuleMatch | Refusal:
    """Pick the rule of a call.

    A pin of None means that none was asked for yet; "" that the caller keyed none.
    """
    ordered = sorted(rules, key=lambda rule: (rule_priority(rule), rule.room, rule.id))
    in_reach = [
        rule
        for rule in ordered
        if not rule.trunk_ids or trunk is None or trunk.id in rule.trunk_ids
    ]
    conflict = _first_conflict(in_reach)
    if conflict is not None:
        one, other, key = conflict
        return Refusal(
            RefusalReason.RULES_AMBIGUOUS,
            f"rules {one.id} and {other.id} are both for {key}",
            "delete one of the two rules, or give them different trunks",
        )
    obstacles = [(rule, _obstacle(rule, trunk, invite, pin)) for rule in ordered]
    matching = [rule for rule, obstacle in obstacles if obstacle is None]
    # A rule that names the trunk beats every rule that serves all trunks.
    best = next((rule for rule in matching if rule.trunk_ids), next(iter(matching), None))
    checks = tuple(
        Check("rule", rule.id, rule.name, obstacle is None, obstacle or _verdict(rule, best))
        for rule, obstacle in obstacles
    )
    if best is None:
        return _refused(trunk, pin, checks)
    return RuleMatch(best, checks)


def _verdict(rule: DispatchRule, best: DispatchRule | None) -> str:
    if rule is best:
        where = "names the trunk" if rule.trunk_ids else "serves every trunk"
        return f"{where}; priority {rule_priority(rule)}: it wins"
    return f"matches too, but {best.id if best else 'none'} goes first"
