"""What the room learns about a caller, and what the token carries."""

import jwt

from switchboard_contract.sip_routing import DispatchRule, InboundTrunk, Invite, Route, RuleKind
from switchboard_local.sip_edge.admit import Caller, CallIds, admit
from switchboard_local.sip_edge.room import caller_token

INVITE = Invite("+15550100", "+15550199", "192.0.2.7", "caller.example")
IDS = CallIds("SCL_x", "call-1", "tag-1")
TRUNK = InboundTrunk(id="ST_a")
SECRET = "secret-of-at-least-thirty-two-characters"


def admitted(rule: DispatchRule, trunk: InboundTrunk | None = TRUNK) -> Caller:
    headers = [("x-lk-test-id", "t" * 5000), ("X-Account", "A1"), ("X-Other", "no")]
    return admit(Route(trunk, rule, ()), INVITE, IDS, headers, lambda: "RAND")


def test_rooms_are_named_as_livekit_names_them() -> None:
    names = [
        admitted(DispatchRule(id="r", kind=kind, room_name="lobby", room_prefix="p", randomize=rnd))
        for kind, rnd in [
            (RuleKind.DIRECT, True),
            (RuleKind.INDIVIDUAL, True),
            (RuleKind.INDIVIDUAL, False),
            (RuleKind.CALLEE, True),
            (RuleKind.CALLEE, False),
        ]
    ]
    assert [caller.room for caller in names] == [
        "lobby",
        "p_+15550199_RAND",
        "p_+15550199",
        "p_+15550100_RAND",
        "p_+15550100",
    ]
    bare = admitted(DispatchRule(id="r", randomize=False))
    assert bare.room == "+15550199"


def test_a_hidden_number_shows_nowhere() -> None:
    caller = admitted(DispatchRule(id="r", hide_phone_number=True, room_prefix="p"))
    assert caller.name == "Phone 0199"
    assert caller.room == "p_0199_RAND"
    assert "15550199" not in repr(caller)
    assert "sip.phoneNumber" not in caller.attributes


def test_headers_become_attributes_where_the_trunk_says_so_and_are_bounded() -> None:
    trunk = InboundTrunk(id="ST_a", headers_to_attributes={"X-Account": "account"})
    caller = admitted(DispatchRule(id="r", attributes={"plan": "gold"}), trunk)
    assert caller.attributes["plan"] == "gold"
    assert caller.attributes["account"] == "A1"
    assert len(caller.attributes["lktest.id"]) == 1024
    assert "no" not in caller.attributes.values()


def test_no_header_and_no_rule_can_forge_a_sip_attribute() -> None:
    trunk = InboundTrunk(id="ST_a", headers_to_attributes={"X-Account": "sip.phoneNumber"})
    caller = admitted(DispatchRule(id="r", attributes={"sip.callID": "forged"}), trunk)
    assert caller.attributes["sip.phoneNumber"] == "+15550199"
    assert caller.attributes["sip.callID"] == "SCL_x"


def test_the_token_joins_as_kind_sip_and_carries_the_rooms_agents() -> None:
    config = {"agents": [{"agentName": "ns.desk", "metadata": "{}"}], "departureTimeout": 2}
    rule = DispatchRule(id="r", room_prefix="p", metadata="m", room_config=config)
    token = caller_token(admitted(rule), "key", SECRET)
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims["kind"] == "sip"
    assert claims["sub"] == "sip_+15550199"
    assert claims["name"] == "Phone +15550199"
    assert claims["metadata"] == "m"
    assert claims["video"]["room"] == "p_+15550199_RAND"
    assert claims["video"]["roomJoin"] is True
    assert claims["roomConfig"]["agents"] == [{"agentName": "ns.desk", "metadata": "{}"}]
    assert claims["attributes"]["sip.ruleID"] == "r"
