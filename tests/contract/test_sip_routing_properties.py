"""What holds for every set of trunks, rules and calls."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    Route,
    RuleKind,
    normalize_number,
    route,
    rule_conflicts,
    trunk_conflicts,
)

_NUMBERS = st.sampled_from(["+1555", "1555", "+1 555", "+1666", "1666", "desk"])
_FEW = st.lists(_NUMBERS, max_size=2).map(tuple)
_ADDRESSES = st.lists(
    st.sampled_from(["10.0.0.1", "10.0.0.0/8", "192.0.2.1", "host", "a b", "::1"]), max_size=2
).map(tuple)
_TRUNK_IDS = ["A", "B", "C"]
_TRUNK = st.builds(
    InboundTrunk,
    id=st.sampled_from(_TRUNK_IDS),
    numbers=_FEW,
    allowed_addresses=_ADDRESSES,
    allowed_numbers=_FEW,
)
_RULE = st.builds(
    DispatchRule,
    id=st.sampled_from(["R", "S", "T", "U"]),
    kind=st.sampled_from(RuleKind),
    trunk_ids=st.lists(st.sampled_from(_TRUNK_IDS), max_size=2, unique=True).map(tuple),
    numbers=_FEW,
    inbound_numbers=_FEW,
    pin=st.sampled_from(["", "", "7"]),
)
_TRUNKS = st.lists(_TRUNK, max_size=3, unique_by=lambda trunk: trunk.id)
_RULES = st.lists(_RULE, max_size=4, unique_by=lambda rule: rule.id)
_INVITE = st.builds(
    Invite,
    called=_NUMBERS,
    caller=_NUMBERS,
    source_ip=st.sampled_from(["10.0.0.1", "192.0.2.9", "::1", "junk", ""]),
    from_host=st.sampled_from(["host", ""]),
)


@given(st.text(alphabet="+0123456789 -()x\n", max_size=20))
def test_normalising_twice_changes_nothing(number: str) -> None:
    assert normalize_number(normalize_number(number)) == normalize_number(number)


@given(_TRUNKS, _RULES, _INVITE, st.sampled_from([None, "", "7", "8"]), st.randoms())
def test_order_of_the_lists_never_matters(
    trunks: list[InboundTrunk],
    rules: list[DispatchRule],
    invite: Invite,
    pin: str | None,
    random: Random,
) -> None:
    shuffled_trunks, shuffled_rules = list(trunks), list(rules)
    random.shuffle(shuffled_trunks)
    random.shuffle(shuffled_rules)
    before = route(trunks, rules, invite, pin=pin)
    after = route(shuffled_trunks, shuffled_rules, invite, pin=pin)
    assert before == after


@given(_TRUNKS, _RULES, _INVITE, st.sampled_from([None, "", "7"]))
def test_a_routed_call_satisfies_its_trunk_and_rule(
    trunks: list[InboundTrunk], rules: list[DispatchRule], invite: Invite, pin: str | None
) -> None:
    result = route(trunks, rules, invite, pin=pin)
    if isinstance(result, Refusal):
        assert result.text
        assert result.remedy
        return
    rule, trunk = result.rule, result.trunk
    assert not rule.numbers or invite.called in rule.numbers
    assert not rule.inbound_numbers or invite.caller in rule.inbound_numbers
    assert not rule.trunk_ids or (trunk is not None and trunk.id in rule.trunk_ids)
    assert pin is None or rule.pin == pin
    if trunk is not None and trunk.numbers:
        called = normalize_number(invite.called)
        assert called in {normalize_number(number) for number in trunk.numbers}


@given(_TRUNKS, _RULES, _INVITE)
def test_sets_without_conflicts_are_never_ambiguous(
    trunks: list[InboundTrunk], rules: list[DispatchRule], invite: Invite
) -> None:
    result = route(trunks, rules, invite)
    if isinstance(result, Route):
        return
    if result.reason is RefusalReason.RULES_AMBIGUOUS:
        pairs = [(a, b) for a in rules for b in rules]
        assert any(rule_conflicts(a, b) for a, b in pairs)
    if result.reason is RefusalReason.TRUNKS_AMBIGUOUS and not any(
        trunk.allowed_numbers for trunk in trunks
    ):
        assert any(trunk_conflicts(a, b) for a in trunks for b in trunks if a is not b)


@given(_TRUNKS, _RULES, _INVITE)
def test_only_a_rule_without_trunks_can_fail_open(
    trunks: list[InboundTrunk], rules: list[DispatchRule], invite: Invite
) -> None:
    result = route(trunks, [rule for rule in rules if rule.trunk_ids], invite)
    assert isinstance(result, Refusal) or not result.fail_open
