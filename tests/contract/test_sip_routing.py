"""Trunk and rule choice as livekit-server makes it."""

import pytest

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    Route,
    RuleKind,
    TrunkMatch,
    match_rule,
    match_trunk,
    normalize_number,
    route,
)

CALL = Invite(
    called="+15550100", caller="+15550199", source_ip="10.1.2.3", from_host="carrier.example"
)
TRUNK = InboundTrunk(id="ST_a", numbers=("+15550100",))
RULE = DispatchRule(id="SDR_a", trunk_ids=("ST_a",), room_prefix="sb-a")


def _routed(trunks: list[InboundTrunk], rules: list[DispatchRule], invite: Invite = CALL) -> Route:
    result = route(trunks, rules, invite)
    assert isinstance(result, Route), result
    return result


def _refused(
    trunks: list[InboundTrunk], rules: list[DispatchRule], invite: Invite = CALL
) -> Refusal:
    result = route(trunks, rules, invite)
    assert isinstance(result, Refusal), result
    return result


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("15550100", "+15550100"),
        ("+1 (555) 01-00", "+15550100"),
        ("+15550100", "+15550100"),
        ("reception", "reception"),
        ("+1555x", "+1555x"),
        ("15550100\n", "15550100\n"),
        ("١٢٣", "١٢٣"),
        ("", ""),
        ("+", "+"),
    ],
)
def test_numbers_lose_formatting_and_gain_a_plus_unless_they_are_not_numbers(
    written: str, normal: str
) -> None:
    assert normalize_number(written) == normal


@pytest.mark.parametrize("called", ["+15550100", "15550100", "+1 555 0100", "1(555)0100"])
def test_trunk_numbers_match_in_any_formatting(called: str) -> None:
    assert _routed([TRUNK], [RULE], Invite(called, "+1")).trunk == TRUNK


@pytest.mark.parametrize(
    "allowed",
    [
        "10.1.2.3",
        "10.1.0.0/16",
        "10.1.2.99/24",
        "carrier.example",
    ],
)
def test_source_passes_by_address_range_or_from_host(allowed: str) -> None:
    trunk = InboundTrunk(
        id="ST_a", numbers=("+15550100",), allowed_addresses=("192.0.2.1", allowed)
    )
    assert _routed([trunk], [RULE]).trunk == trunk


@pytest.mark.parametrize(
    "allowed",
    [
        "10.1.2.4",
        "10.2.0.0/16",
        "10.1.0.0/255.255.0.0",
        "10.1.0.0/016",
        "10.1.0.0/99",
        "::ffff:10.1.2.3",
        "10.1.2.3:5060",
        "other.example",
        "Carrier.Example",
    ],
)
def test_source_outside_the_allowed_addresses_is_told_so(allowed: str) -> None:
    trunk = InboundTrunk(id="ST_a", numbers=("+15550100",), allowed_addresses=(allowed,))
    refusal = _refused([trunk], [RULE])
    assert refusal.reason is RefusalReason.SOURCE_NOT_ALLOWED
    assert refusal.sip_status == 403


@pytest.mark.parametrize(
    ("allowed", "source"),
    [
        ("sip://10.9.9.9", "10.1.2.3"),
        ("10.9.9.9, 10.8.8.8", "10.1.2.3"),
        ("10.9.9.9", "not-an-address"),
        ("10.9.9.9", ""),
    ],
)
def test_unreadable_filter_or_source_lets_everyone_in_as_livekit_does(
    allowed: str, source: str
) -> None:
    trunk = InboundTrunk(id="ST_a", numbers=("+15550100",), allowed_addresses=(allowed,))
    assert _routed([trunk], [RULE], Invite("+15550100", "+1", source, "h")).trunk == trunk


def test_caller_outside_the_allowed_numbers_is_told_so() -> None:
    trunk = InboundTrunk(id="ST_a", numbers=("+15550100",), allowed_numbers=("+1777",))
    refusal = _refused([trunk], [RULE])
    assert refusal.reason is RefusalReason.CALLER_NOT_ALLOWED
    assert refusal.sip_status == 403


def test_allowed_callers_are_normalised() -> None:
    trunk = InboundTrunk(id="ST_a", numbers=("+15550100",), allowed_numbers=("1 555 0199",))
    assert _routed([trunk], [RULE]).trunk == trunk


def test_trunk_with_the_number_beats_the_trunk_without_numbers() -> None:
    assert _routed([InboundTrunk(id="ST_any"), TRUNK], [RULE]).trunk == TRUNK


def test_trunk_without_numbers_takes_the_rest() -> None:
    wildcard = InboundTrunk(id="ST_any")
    rule = DispatchRule(id="SDR_any", trunk_ids=("ST_any",))
    found = _routed([wildcard, TRUNK], [RULE, rule], Invite("+15550177", "+1"))
    assert (found.trunk, found.rule) == (wildcard, rule)


def test_a_number_repeated_inside_one_trunk_is_not_ambiguous() -> None:
    trunk = InboundTrunk(id="ST_a", numbers=("+15550100", "15550100"))
    assert _routed([trunk], [RULE]).trunk == trunk


@pytest.mark.parametrize(
    "pair",
    [
        (TRUNK, InboundTrunk(id="ST_b", numbers=("1-555-0100",))),
        (InboundTrunk(id="ST_b"), InboundTrunk(id="ST_c")),
    ],
)
def test_two_trunks_for_one_call_refuse_it(pair: tuple[InboundTrunk, InboundTrunk]) -> None:
    refusal = _refused(list(pair), [RULE])
    assert refusal.reason is RefusalReason.TRUNKS_AMBIGUOUS
    assert refusal.sip_status == 503


def test_two_wildcards_do_not_matter_when_one_trunk_holds_the_number() -> None:
    trunks = [InboundTrunk(id="ST_b"), InboundTrunk(id="ST_c"), TRUNK]
    assert _routed(trunks, [RULE]).trunk == TRUNK


def test_filtered_trunk_leaves_the_call_to_another() -> None:
    elsewhere = InboundTrunk(id="ST_b", numbers=("+15550100",), allowed_addresses=("192.0.2.0/24",))
    assert _routed([elsewhere, TRUNK], [RULE]).trunk == TRUNK


def test_number_of_nobody_is_not_found() -> None:
    refusal = _refused([TRUNK], [RULE], Invite("+15550177", "+1"))
    assert refusal.reason is RefusalReason.NO_TRUNK
    assert refusal.sip_status == 404


def test_trunk_without_rule_is_not_found() -> None:
    refusal = _refused([TRUNK], [DispatchRule(id="SDR_b", trunk_ids=("ST_b",))])
    assert refusal.reason is RefusalReason.NO_RULE
    assert "ST_a" in refusal.text
    assert "ST_a" in refusal.remedy


def test_rule_without_trunks_answers_a_caller_that_no_trunk_vouches_for() -> None:
    found = _routed([TRUNK], [DispatchRule(id="SDR_open")], Invite("+15550177", "+1"))
    assert found.trunk is None
    assert found.fail_open


def test_rule_that_names_the_trunk_beats_better_rules_that_serve_all() -> None:
    open_rule = DispatchRule(
        id="SDR_open", kind=RuleKind.DIRECT, numbers=("+15550100",), inbound_numbers=("+15550199",)
    )
    found = _routed([TRUNK], [open_rule, RULE])
    assert found.rule == RULE
    assert not found.fail_open


def test_rule_numbers_match_exact_strings_only_and_the_trap_is_named() -> None:
    rule = DispatchRule(id="SDR_a", trunk_ids=("ST_a",), numbers=("+15550100",))
    refusal = _refused([TRUNK], [rule], Invite("15550100", "+1"))
    assert refusal.reason is RefusalReason.NO_RULE
    assert "exact strings" in refusal.explanation[-1].because


def _rule(
    id_: str, kind: RuleKind, *, pin: str = "", callers: bool = False, called: bool = False
) -> DispatchRule:
    return DispatchRule(
        id=id_,
        kind=kind,
        trunk_ids=("ST_a",),
        pin=pin,
        inbound_numbers=("+15550199",) if callers else (),
        numbers=("+15550100",) if called else (),
    )


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (
            _rule("z", RuleKind.CALLEE, callers=True),
            _rule("a", RuleKind.DIRECT),
        ),
        (
            _rule("z", RuleKind.CALLEE, callers=True, called=True),
            _rule("a", RuleKind.DIRECT, called=True),
        ),
        (
            _rule("z", RuleKind.DIRECT, called=True),
            _rule("a", RuleKind.INDIVIDUAL, callers=True),
        ),
        (
            _rule("z", RuleKind.INDIVIDUAL, called=True),
            _rule("a", RuleKind.CALLEE, callers=True),
        ),
        (
            _rule("z", RuleKind.CALLEE, pin="1"),
            _rule("a", RuleKind.DIRECT),
        ),
        (
            _rule("z", RuleKind.DIRECT, called=True),
            _rule("a", RuleKind.DIRECT, pin="1"),
        ),
    ],
    ids=["caller", "both-filters", "direct", "individual", "pin-hides-open", "filter-beats-pin"],
)
def test_rules_that_match_are_taken_in_livekits_order(
    winner: DispatchRule, loser: DispatchRule
) -> None:
    assert _routed([TRUNK], [loser, winner]).rule == winner


def test_rule_with_a_pin_asks_for_it_and_the_pin_then_decides() -> None:
    one = DispatchRule(id="SDR_1", trunk_ids=("ST_a",), pin="1111")
    two = DispatchRule(id="SDR_2", trunk_ids=("ST_a",), pin="2222")
    rules = [RULE, one, two]
    assert _routed([TRUNK], rules).pin_required
    keyed = route([TRUNK], rules, CALL, pin="2222")
    assert isinstance(keyed, Route)
    assert keyed.rule == two
    none = route([TRUNK], rules, CALL, pin="")
    assert isinstance(none, Route)
    assert none.rule == RULE
    wrong = route([TRUNK], rules, CALL, pin="3333")
    assert isinstance(wrong, Refusal)
    assert wrong.reason is RefusalReason.WRONG_PIN
    assert wrong.sip_status == 403


def test_two_rules_for_the_same_trunk_refuse_every_call_of_it() -> None:
    twin = DispatchRule(id="SDR_b", kind=RuleKind.DIRECT, trunk_ids=("ST_b", "ST_a"))
    refusal = _refused([TRUNK], [RULE, twin])
    assert refusal.reason is RefusalReason.RULES_AMBIGUOUS
    assert "SDR_a" in refusal.text
    assert "SDR_b" in refusal.text


def test_conflict_of_another_trunks_rules_does_not_touch_this_call() -> None:
    others = [DispatchRule(id=f"SDR_{n}", trunk_ids=("ST_b",)) for n in range(2)]
    assert _routed([TRUNK], [RULE, *others]).rule == RULE


def test_conflict_of_any_rules_refuses_a_call_without_trunk() -> None:
    others = [DispatchRule(id=f"SDR_{n}", trunk_ids=("ST_b",)) for n in range(2)]
    open_rule = DispatchRule(id="SDR_open")
    refusal = _refused([TRUNK], [open_rule, *others], Invite("+15550177", "+1"))
    assert refusal.reason is RefusalReason.RULES_AMBIGUOUS


def test_explanation_names_everything_that_was_looked_at() -> None:
    other = InboundTrunk(id="ST_b", numbers=("+15550101",), name="other")
    found = _routed([other, TRUNK], [RULE, DispatchRule(id="SDR_open")])
    assert [(check.subject, check.id, check.passed) for check in found.explanation] == [
        ("trunk", "ST_a", True),
        ("trunk", "ST_b", False),
        ("rule", "SDR_open", True),
        ("rule", "SDR_a", True),
    ]


def test_match_trunk_alone_reports_what_kept_the_call_out() -> None:
    trunk = InboundTrunk(id="ST_a", numbers=("+15550100",), allowed_addresses=("192.0.2.1",))
    matched = match_trunk([trunk], CALL)
    assert isinstance(matched, TrunkMatch)
    assert matched.trunk is None
    assert matched.refused is RefusalReason.SOURCE_NOT_ALLOWED


def test_no_rules_at_all_is_a_refusal() -> None:
    assert isinstance(match_rule([], TRUNK, CALL), Refusal)


def test_secrets_stay_out_of_reprs() -> None:
    trunk = InboundTrunk(id="ST_a", auth_username="u", auth_password="hush")
    rule = DispatchRule(id="SDR_a", pin="4711")
    assert "hush" not in repr(trunk)
    assert "4711" not in repr(rule)
