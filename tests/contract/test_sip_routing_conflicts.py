"""Pairs of trunks and of rules that LiveKit refuses to store side by side."""

import pytest

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    RuleKind,
    rule_conflicts,
    trunk_conflicts,
)


def _trunk(
    id_: str, *numbers: str, callers: tuple[str, ...] = (), addresses: tuple[str, ...] = ()
) -> InboundTrunk:
    return InboundTrunk(
        id=id_, numbers=numbers, allowed_numbers=callers, allowed_addresses=addresses
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (_trunk("1", "+1555"), _trunk("2", "1-555", "+1666")),
        (_trunk("1"), _trunk("2")),
        (_trunk("1", "+1555", addresses=("10.0.0.1",)), _trunk("2", "+1555")),
        (_trunk("1", "+1555", callers=("+17",)), _trunk("2", "+1555", callers=("17", "+18"))),
        (_trunk("", "+1555"), _trunk("", "+1555")),
    ],
    ids=["formatting", "both-wildcards", "addresses-do-not-help", "shared-caller", "both-new"],
)
def test_trunks_that_share_a_number_and_callers_conflict(a: InboundTrunk, b: InboundTrunk) -> None:
    assert trunk_conflicts(a, b)
    assert trunk_conflicts(a, b) == trunk_conflicts(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (_trunk("1", "+1555"), _trunk("2", "+1666")),
        (_trunk("1", "+1555"), _trunk("2")),
        (_trunk("1", "+1555"), _trunk("2", "+1555", callers=("+17",))),
        (_trunk("1", "+1555", callers=("+17",)), _trunk("2", "+1555", callers=("+18",))),
        (_trunk("1", "+1555"), _trunk("1", "+1555")),
    ],
    ids=["numbers", "wildcard", "one-with-callers", "other-callers", "same-trunk"],
)
def test_trunks_that_differ_in_number_or_callers_do_not(a: InboundTrunk, b: InboundTrunk) -> None:
    assert trunk_conflicts(a, b) is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (DispatchRule(id="1"), DispatchRule(id="2", kind=RuleKind.DIRECT)),
        (DispatchRule(id="1", trunk_ids=("A",)), DispatchRule(id="2", trunk_ids=("B", "A"))),
        (DispatchRule(id="1", numbers=("+1555",)), DispatchRule(id="2", numbers=("1555",))),
        (DispatchRule(id="1", pin="7"), DispatchRule(id="2", pin="7")),
    ],
    ids=["open", "shared-trunk", "formatting", "pin"],
)
def test_rules_for_the_same_calls_conflict(a: DispatchRule, b: DispatchRule) -> None:
    assert rule_conflicts(a, b)
    assert rule_conflicts(a, b) == rule_conflicts(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (DispatchRule(id="1"), DispatchRule(id="2", trunk_ids=("A",))),
        (DispatchRule(id="1"), DispatchRule(id="2", pin="7")),
        (DispatchRule(id="1"), DispatchRule(id="2", numbers=("+1555",))),
        (DispatchRule(id="1", inbound_numbers=("+1",)), DispatchRule(id="2", numbers=("+1",))),
        (DispatchRule(id="1", trunk_ids=("A",)), DispatchRule(id="1", trunk_ids=("A",))),
    ],
    ids=["trunk", "pin", "number", "caller-or-called", "same-rule"],
)
def test_rules_that_can_be_told_apart_do_not(a: DispatchRule, b: DispatchRule) -> None:
    assert rule_conflicts(a, b) is None


def test_rule_that_stores_two_forms_of_a_number_conflicts_with_itself() -> None:
    rule = DispatchRule(id="1", trunk_ids=("A",), numbers=("+1555", "1555"))
    assert rule_conflicts(rule, rule)
