"""Trunks and rules as LiveKit's JSON spells them."""

import pytest

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    RuleKind,
    WireError,
    rule_from_json,
    trunk_from_json,
)


def test_trunk_is_read_in_both_spellings() -> None:
    camel = {
        "sipTrunkId": "ST_a",
        "name": "front desk",
        "metadata": "{}",
        "numbers": ["+15550100"],
        "allowedAddresses": ["10.0.0.0/8"],
        "allowedNumbers": ["+15550199"],
        "authUsername": "u",
        "authPassword": "p",
        "headersToAttributes": {"X-Account": "account_id"},
        "ringingTimeout": "30s",
        "maxCallDuration": "1.500s",
        "media": {},
    }
    snake = {
        "sip_trunk_id": "ST_a",
        "name": "front desk",
        "metadata": "{}",
        "numbers": ["+15550100"],
        "allowed_addresses": ["10.0.0.0/8"],
        "allowed_numbers": ["+15550199"],
        "auth_username": "u",
        "auth_password": "p",
        "headers_to_attributes": {"X-Account": "account_id"},
        "ringing_timeout": "30s",
        "max_call_duration": "1.500s",
    }
    expected = InboundTrunk(
        id="ST_a",
        name="front desk",
        metadata="{}",
        numbers=("+15550100",),
        allowed_addresses=("10.0.0.0/8",),
        allowed_numbers=("+15550199",),
        auth_username="u",
        auth_password="p",
        headers_to_attributes={"X-Account": "account_id"},
        ringing_timeout_s=30.0,
        max_call_duration_s=1.5,
    )
    assert trunk_from_json(camel) == trunk_from_json(snake) == expected


@pytest.mark.parametrize(
    ("data", "required"),
    [
        ({"media": {"encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"}}, True),
        ({"mediaEncryption": "SIP_MEDIA_ENCRYPT_REQUIRE"}, True),
        ({"media_encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"}, True),
        ({"media": {"encryption": "SIP_MEDIA_ENCRYPT_ALLOW"}}, False),
        ({"media": {}}, False),
    ],
)
def test_encryption_is_read_from_both_fields(data: dict[str, object], required: bool) -> None:
    assert trunk_from_json({"sipTrunkId": "ST_a", **data}).requires_encryption is required


@pytest.mark.parametrize(
    ("media", "codecs"),
    [
        ({"onlyListedCodecs": True, "codecs": [{"name": "PCMA", "rate": 8000}]}, ("PCMA",)),
        ({"only_listed_codecs": True, "codecs": [{"name": "G722"}]}, ("G722",)),
        ({"codecs": [{"name": "PCMA", "rate": 8000}]}, ()),
        ({}, ()),
    ],
)
def test_only_a_closed_list_of_codecs_forbids_others(
    media: dict[str, object], codecs: tuple[str, ...]
) -> None:
    assert trunk_from_json({"sipTrunkId": "ST_a", "media": media}).codecs == codecs


def test_codecs_that_are_no_list_are_refused() -> None:
    with pytest.raises(WireError, match="codecs"):
        trunk_from_json({"media": {"onlyListedCodecs": True, "codecs": "PCMA"}})


def test_rule_is_read_with_its_agents() -> None:
    config = {"departureTimeout": 2, "agents": [{"agentName": "ns.desk", "metadata": "{}"}]}
    rule = rule_from_json(
        {
            "sipDispatchRuleId": "SDR_a",
            "rule": {"dispatchRuleIndividual": {"roomPrefix": "sb-ns-desk"}},
            "trunkIds": ["ST_a"],
            "roomConfig": config,
        }
    )
    assert rule == DispatchRule(
        id="SDR_a",
        kind=RuleKind.INDIVIDUAL,
        trunk_ids=("ST_a",),
        room_prefix="sb-ns-desk",
        agents=("ns.desk",),
        room_config=config,
    )


@pytest.mark.parametrize(
    ("body", "kind", "room", "randomize"),
    [
        ({"dispatch_rule_direct": {"room_name": "lobby"}}, RuleKind.DIRECT, "lobby", False),
        ({"dispatch_rule_individual": {}}, RuleKind.INDIVIDUAL, "", True),
        ({"dispatch_rule_individual": {"no_randomness": True}}, RuleKind.INDIVIDUAL, "", False),
        ({"dispatch_rule_callee": {"room_prefix": "c"}}, RuleKind.CALLEE, "c", False),
        ({"dispatch_rule_callee": {"randomize": True}}, RuleKind.CALLEE, "", True),
    ],
)
def test_kinds_of_rules(
    body: dict[str, object], kind: RuleKind, room: str, *, randomize: bool
) -> None:
    rule = rule_from_json({"sip_dispatch_rule_id": "SDR_a", "rule": body})
    assert (rule.kind, rule.room, rule.randomize) == (kind, room, randomize)


@pytest.mark.parametrize(
    "data",
    [
        {"rule": {}},
        {"rule": []},
        {},
        {"rule": {"dispatch_rule_direct": {}}, "trunk_ids": "ST_a"},
        {"rule": {"dispatch_rule_direct": {}}, "trunk_ids": [7]},
        {"rule": {"dispatch_rule_direct": {}}, "room_config": {"agents": {}}},
    ],
)
def test_rule_of_another_shape_is_refused_by_name(data: dict[str, object]) -> None:
    with pytest.raises(WireError):
        rule_from_json(data)


@pytest.mark.parametrize(
    "data", [{"numbers": "+1"}, {"name": 3}, {"ringing_timeout": "soon"}, {"headers": {"a": 1}}]
)
def test_trunk_of_another_shape_is_refused_by_name(data: dict[str, object]) -> None:
    with pytest.raises(WireError):
        trunk_from_json(data)
