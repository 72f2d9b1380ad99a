"""One number, one VoiceAgent, over all tenants: the older one has it, and every refusal heals."""

from switchboard_operator.kube.kinds import NAMESPACE, TENANT, VOICE_AGENT
from tests.operator.samples import World, agent, namespace, spec, tenant


async def _two_tenants() -> World:
    world = World()
    world.users_put(
        (TENANT, tenant()),
        (TENANT, tenant("rival")),
        (NAMESPACE, namespace()),
        (NAMESPACE, namespace("rival", "rival")),
        (VOICE_AGENT, agent()),
        (VOICE_AGENT, agent("copy", "rival")),
    )
    await world.open()
    await world.settle()
    return world


async def test_the_younger_loses_and_is_not_told_whose_it_is() -> None:
    world = await _two_tenants()
    assert world.condition("Accepted", "copy", "rival") == "False/NumberTaken"
    message = world.message("Accepted", "copy", "rival")
    assert message.startswith("spec.numbers[0]: +15550100 belongs to a VoiceAgent of another")
    assert "smile-dental" not in message
    assert len(world.sip.trunks) == 1


async def test_within_a_tenant_the_holder_is_named() -> None:
    world = await _two_tenants()
    world.users_put((VOICE_AGENT, agent("second")))
    await world.settle()
    assert "VoiceAgent smile-dental/reception" in world.message("Accepted", "second")


async def test_it_heals_when_the_older_is_deleted() -> None:
    world = await _two_tenants()
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert world.condition("SIPReady", "copy", "rival") == "True/SIPReady"


async def test_it_heals_when_the_older_gives_the_number_up() -> None:
    world = await _two_tenants()
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(numbers=["+15550199"])})
    await world.settle()
    if world.errors:  # the trunk of the older may still hold it: the queue tries again
        world.woken.update(dict.fromkeys(world.errors))
        await world.settle()
    assert world.condition("SIPReady", "copy", "rival") == "True/SIPReady"
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_it_heals_when_the_older_loses_its_tenant_and_goes_back_after() -> None:
    world = await _two_tenants()
    world.kube.remove(TENANT, "", "smile-dental")
    await world.settle()
    world.woken.update(dict.fromkeys(world.errors))
    await world.settle()
    assert world.condition("Accepted") == "False/TenantNotFound"
    assert world.condition("SIPReady", "copy", "rival") == "True/SIPReady"
    world.users_put((TENANT, tenant()))
    await world.settle()
    world.woken.update(dict.fromkeys(world.errors))
    await world.settle()
    assert world.condition("SIPReady") == "True/SIPReady"
    assert world.condition("Accepted", "copy", "rival") == "False/NumberTaken"


async def test_an_agent_without_a_tenant_cannot_block_a_number() -> None:
    world = World()
    world.users_put(
        (VOICE_AGENT, agent("squatter", "nowhere")),
        (TENANT, tenant()),
        (NAMESPACE, namespace()),
        (VOICE_AGENT, agent()),
    )
    await world.open()
    await world.settle()
    assert world.condition("Accepted", "squatter", "nowhere") == "False/TenantNotAssigned"
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_a_trunk_that_switchboard_did_not_make_is_named() -> None:
    world = await _two_tenants()
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    (ours,) = world.sip.trunks
    foreign = world.sip.trunks.pop(ours)
    foreign.metadata, foreign.sip_trunk_id = "made by hand", "ST_hand"
    world.sip.trunks["ST_hand"] = foreign
    await world.poll()
    await world.settle()
    assert world.condition("NumbersBound", "copy", "rival") == "False/NumberHeldInLiveKit"
    message = world.message("NumbersBound", "copy", "rival")
    assert "+15550100 stands in LiveKit trunk ST_hand that Switchboard did not make" in message
    del world.sip.trunks["ST_hand"]
    await world.poll()
    world.woken.update(dict.fromkeys(world.errors))
    world.woken[world.directory.agents_in("rival")[0]] = None
    await world.settle()
    assert world.condition("SIPReady", "copy", "rival") == "True/SIPReady"
