"""A suspended Tenant takes no new calls; live ones finish, or are cut where it says so."""

import asyncio
from typing import Any

from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.kube.kinds import TENANT, VOICE_AGENT
from switchboard_operator.sip import bind
from tests.operator.samples import World, agent, served_world, spec, tenant

OF_AGENT = '{"agent":"smile-dental/reception"}'
CUT: dict[str, Any] = {"suspend": True, "suspendPolicy": "Cut"}


async def _with_a_call() -> World:
    world = await served_world()
    world.sip.rooms = [("one", OF_AGENT), ("foreign", '{"agent":"other/reception"}')]
    await world.poll()
    await world.settle()
    return world


def _rooms(world: World) -> list[str]:
    return [name for name, _ in world.sip.rooms]


async def test_live_calls_finish_by_default() -> None:
    world = await _with_a_call()
    world.kube.put(TENANT, tenant(suspend=True))
    await world.settle()
    assert not world.sip.rules
    assert _rooms(world) == ["one", "foreign"]


async def test_cut_ends_the_tenants_calls_and_no_others_after_the_rule_is_gone() -> None:
    world = await _with_a_call()
    world.kube.put(TENANT, tenant(**CUT))
    await world.settle()
    assert world.sip.writes[-2:] == ["delete_rule", "delete_room"]
    assert _rooms(world) == ["foreign"]


async def test_cut_finds_calls_that_no_poll_has_seen() -> None:
    world = await served_world()
    world.sip.rooms = [("new", OF_AGENT)]
    world.kube.put(TENANT, tenant(**CUT))
    await world.settle()
    assert not world.sip.rooms


async def test_a_call_that_slipped_in_is_cut_when_the_poll_sees_it() -> None:
    world = await _with_a_call()
    world.kube.put(TENANT, tenant(**CUT))
    await world.settle()
    await world.poll()
    world.sip.rooms = [("late", OF_AGENT)]
    await world.poll()
    await world.settle()
    assert not world.sip.rooms


async def test_cut_after_finish_ends_what_was_still_going_on() -> None:
    world = await _with_a_call()
    world.kube.put(TENANT, tenant(suspend=True))
    await world.settle()
    world.kube.put(TENANT, tenant(**CUT))
    await world.settle()
    assert _rooms(world) == ["foreign"]


async def test_without_calls_a_suspended_tenant_costs_no_list() -> None:
    world = await served_world()
    world.kube.put(TENANT, tenant(**CUT))
    await world.settle()
    world.sip.lists = 0
    world.woken.update(dict.fromkeys(world.directory.agents_in("smile-dental")))
    await world.settle()
    assert world.sip.lists == 0


async def test_an_agents_own_suspend_never_cuts() -> None:
    world = await _with_a_call()
    world.kube.put(TENANT, tenant(suspendPolicy="Cut"))
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(suspend=True)})
    await world.settle()
    assert not world.sip.rules
    assert _rooms(world) == ["one", "foreign"]


async def test_it_heals_when_the_suspension_ends() -> None:
    world = await _with_a_call()
    world.kube.put(TENANT, tenant(**CUT))
    await world.settle()
    seen = world.kube.objects[TENANT, "", "smile-dental"]["status"]["conditions"]
    assert "calls in progress are cut" in seen[0]["message"]
    world.kube.put(TENANT, tenant(suspendPolicy="Cut"))
    await world.settle()
    assert world.condition("SIPReady") == "True/SIPReady"
    assert len(world.sip.rules) == 1


async def test_all_rules_go_at_one_go_before_any_agent_is_looked_at() -> None:
    world = await served_world()
    for index in range(20):
        made = agent(f"desk-{index}", numbers=[f"+15550{index:03d}"])
        world.kube.put(VOICE_AGENT, made)
    await world.settle(rounds=200)
    assert len(world.sip.rules) == 21
    world.kube.put(TENANT, tenant(suspend=True))
    urgent = Key(KeyKind.SUSPENSION, "", "smile-dental")
    assert urgent in world.woken
    await world.reconcile(urgent)
    assert not world.sip.rules
    assert len(world.sip.trunks) == 21, "the numbers stay reserved"
    await world.settle(rounds=200)
    assert world.condition("Accepted", "desk-7") == "False/TenantSuspended"


async def test_a_change_of_a_suspended_tenant_is_not_urgent_again() -> None:
    world = await served_world()
    world.kube.put(TENANT, tenant(suspend=True))
    await world.settle()
    world.kube.put(TENANT, tenant(suspend=True, displayName="Smile"))
    assert KeyKind.SUSPENSION not in {key.kind for key in world.woken}


async def test_a_reconcile_that_began_before_does_not_bring_the_rule_back() -> None:
    world = await served_world()
    (rule,) = world.sip.rules
    uid = world.seen()["metadata"]["uid"]
    await world.mirror.lock.acquire()
    world.woken[world.directory.agents_in("smile-dental")[0]] = None
    looking = asyncio.ensure_future(world.settle())
    await asyncio.sleep(0)
    world.kube.put(TENANT, tenant(suspend=True))
    world.woken.clear()
    world.mirror.lock.release()
    await looking
    assert rule not in world.sip.rules
    assert bind.observe(world.mirror, uid).rule_id == ""
