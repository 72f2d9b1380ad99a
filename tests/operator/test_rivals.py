"""Dispatch rules of others: told of with their id, and forgotten once they are gone."""

from typing import Any

import pytest
from livekit.protocol.sip import (
    SIPDispatchRule,
    SIPDispatchRuleCallee,
    SIPDispatchRuleDirect,
    SIPDispatchRuleInfo,
)

from switchboard_contract.sip_routing import DispatchRule
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.sip.bind import Binding
from switchboard_operator.sip.rivals import rival
from tests.operator.samples import World, agent, served_world

NUMBER = "+15550100"
BOUND = Binding("ST_ours", "SDR_ours", (NUMBER,))
OURS = DispatchRule(id="SDR_ours", trunk_ids=("ST_ours",))


def _foreign(**fields: Any) -> SIPDispatchRuleInfo:  # noqa: ANN401  any field of a rule
    direct = SIPDispatchRuleDirect(room_name="lobby")
    rule = SIPDispatchRule(dispatch_rule_direct=direct)
    whole: dict[str, Any] = {"name": "catch-all", "rule": rule} | fields
    return SIPDispatchRuleInfo(**whole)


async def _with(world: World, rule: SIPDispatchRuleInfo) -> str:
    made = await world.sip.create_rule(rule)
    await world.poll()
    await world.settle()
    return made.sip_dispatch_rule_id


async def _without(world: World, rule_id: str) -> None:
    await world.sip.delete_rule(rule_id)
    await world.poll()
    await world.settle()


async def test_an_open_rule_beside_our_own_is_told_of_and_calls_still_come_here() -> None:
    world = await served_world()
    rule_id = await _with(world, _foreign())
    assert world.condition("SIPReady") == "True/OpenRule"
    message = world.message("SIPReady")
    assert f"dispatch rule {rule_id} (catch-all) names no trunk" in message
    assert f"lk sip dispatch delete {rule_id}" in message
    await _without(world, rule_id)
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_an_open_rule_gets_the_calls_of_a_suspended_agent_and_that_is_no_silence() -> None:
    world = await served_world()
    rule_id = await _with(world, _foreign())
    world.users_put((VOICE_AGENT, world.seen() | {"spec": agent(suspend=True)["spec"]}))
    await world.settle()
    assert world.condition("SIPReady") == "False/ForeignRule"
    assert f"calls go to dispatch rule {rule_id}" in world.message("SIPReady")
    await _without(world, rule_id)
    assert world.condition("SIPReady") == "False/Suspended"


async def test_a_rule_that_names_our_trunk_and_goes_first_takes_the_line_out_of_ready() -> None:
    world = await served_world()
    (trunk_id,) = world.sip.trunks
    rule_id = await _with(world, _foreign(trunk_ids=[trunk_id], numbers=[NUMBER]))
    assert world.condition("SIPReady") == "False/ForeignRule"
    assert world.condition("Ready") == "False/ForeignRule"
    assert f"which names trunk {trunk_id}" in world.message("SIPReady")
    await _without(world, rule_id)
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_rules_for_other_trunks_and_numbers_wake_nobody() -> None:
    world = await served_world()
    await world.sip.create_rule(_foreign(trunk_ids=["ST_elsewhere"]))
    await world.poll()
    assert not world.woken
    await _with(world, _foreign(numbers=["+15559999"]))
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_looking_at_an_open_rule_again_writes_nothing() -> None:
    world = await served_world()
    await _with(world, _foreign())
    writes = len(world.kube.writes)
    world.feed.wake_everybody()
    await world.poll()
    await world.settle()
    assert world.kube.writes[writes:] == []


async def test_a_rule_of_the_callee_kind_is_read_too() -> None:
    world = await served_world()
    callee = SIPDispatchRule(dispatch_rule_callee=SIPDispatchRuleCallee(room_prefix="x"))
    await _with(world, _foreign(rule=callee))
    assert world.condition("SIPReady") == "True/OpenRule"


@pytest.mark.parametrize(
    "other",
    [
        DispatchRule(id="SDR_x", trunk_ids=("ST_ours",), inbound_numbers=("+15550199",)),
        DispatchRule(id="SDR_x", trunk_ids=("ST_ours",), numbers=("15550100",)),
        DispatchRule(id="SDR_x", trunk_ids=("ST_ours",), pin="1234"),
    ],
)
def test_what_goes_before_our_rule_takes_calls(other: DispatchRule) -> None:
    found = rival(BOUND, [OURS, other])
    assert found is not None
    assert found.takes_calls
    assert "SDR_x" in found.message


def test_two_rules_for_the_same_calls_leave_none_for_anybody() -> None:
    found = rival(BOUND, [OURS, DispatchRule(id="SDR_x", trunk_ids=("ST_ours",))])
    assert found is not None
    assert found.takes_calls
    assert "LiveKit takes no call: rules SDR_ours and SDR_x" in found.message


def test_an_open_rule_for_other_numbers_is_no_rival() -> None:
    assert rival(BOUND, [OURS, DispatchRule(id="SDR_x", numbers=("+15559999",))]) is None
    assert rival(BOUND, [OURS]) is None
