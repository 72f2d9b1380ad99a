"""Outbound trunks: one for each VoiceAgent and carrier, kept true like everything in LiveKit."""

import base64
from typing import Any

from livekit.protocol.sip import SIPMediaEncryption, SIPTransport

from switchboard_operator.kube.kinds import NAMESPACE, SECRET, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from switchboard_operator.store import Ref
from tests.operator.samples import World, agent, namespace, spec, tenant

MAIN: Object = {"name": "main", "address": "sip.carrier.example:5061", "transport": "TLS"}
SPARE: Object = {"name": "spare", "address": "198.51.100.7", "callerIds": ["+15550199"]}


def _tenant(*carriers: Object, **changes: Any) -> Object:  # noqa: ANN401  any part of a spec
    return tenant(sip={"egress": list(carriers)}, **changes)


async def _world(*carriers: Object) -> World:
    world = World()
    world.users_put((TENANT, _tenant(*carriers)), (NAMESPACE, namespace()), (VOICE_AGENT, agent()))
    await world.open()
    await world.settle()
    return world


async def _change(world: World, owner: Object) -> None:
    world.kube.put(TENANT, owner)
    await world.settle()


def _names(world: World) -> list[str]:
    return sorted(trunk.name for trunk in world.sip.outbound.values())


async def test_each_carrier_gets_a_trunk_under_the_agents_numbers_or_the_carriers() -> None:
    world = await _world(MAIN, SPARE)
    trunks = {trunk.name: trunk for trunk in world.sip.outbound.values()}
    main, spare = trunks["smile-dental/reception/main"], trunks["smile-dental/reception/spare"]
    assert (main.address, list(main.numbers)) == ("sip.carrier.example:5061", ["+15550100"])
    assert main.transport == SIPTransport.SIP_TRANSPORT_TLS
    assert list(spare.numbers) == ["+15550199"]
    assert world.seen()["status"]["outboundTrunks"] == [
        {"name": "main", "trunkId": main.sip_trunk_id},
        {"name": "spare", "trunkId": spare.sip_trunk_id},
    ]


async def test_a_change_replaces_and_keeps_the_id() -> None:
    world = await _world(MAIN)
    (before,) = world.sip.outbound
    await _change(world, _tenant({**MAIN, "address": "sip2.carrier.example"}))
    (after,) = world.sip.outbound
    assert after == before
    assert world.sip.outbound[after].address == "sip2.carrier.example"
    assert world.sip.writes[-1] == "replace_outbound"


async def test_new_numbers_become_caller_ids() -> None:
    world = await _world(MAIN)
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(numbers=["+15550102"])})
    await world.settle()
    (trunk,) = world.sip.outbound.values()
    assert list(trunk.numbers) == ["+15550102"]


async def test_a_carrier_that_is_taken_away_loses_its_trunk() -> None:
    world = await _world(MAIN, SPARE)
    await _change(world, _tenant(SPARE))
    assert _names(world) == ["smile-dental/reception/spare"]
    await _change(world, tenant())
    assert not world.sip.outbound
    assert "outboundTrunks" not in {k for k, v in world.seen()["status"].items() if v}


async def test_what_redis_lost_is_made_again() -> None:
    world = await _world(MAIN)
    world.sip.outbound.clear()
    await world.poll()
    await world.settle()
    assert _names(world) == ["smile-dental/reception/main"]


async def test_a_trunk_that_somebody_changed_is_put_right() -> None:
    world = await _world(MAIN)
    (trunk,) = world.sip.outbound.values()
    trunk.address = "sip.elsewhere.example"
    await world.poll()
    await world.settle()
    (trunk,) = world.sip.outbound.values()
    assert trunk.address == "sip.carrier.example:5061"


async def test_a_process_that_died_before_it_noted_the_id_finds_its_trunk_again() -> None:
    world = await _world(MAIN)
    del world.seen()["status"]
    world.start()
    await world.open()
    await world.settle()
    assert world.sip.writes.count("create_outbound") == 1


async def test_doubles_are_removed() -> None:
    world = await _world(MAIN)
    (trunk,) = world.sip.outbound.values()
    await world.sip.create_outbound(trunk)
    await world.poll()
    await world.settle()
    assert len(world.sip.outbound) == 1


async def test_suspension_takes_outgoing_lines_too_and_deletion_all() -> None:
    world = await _world(MAIN)
    await _change(world, _tenant(MAIN, suspend=True))
    assert not world.sip.outbound
    await _change(world, _tenant(MAIN))
    assert len(world.sip.outbound) == 1
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert not world.sip.outbound


async def test_credentials_come_from_the_agents_namespace_and_are_missed_by_field() -> None:
    world = await _world(SPARE, {**MAIN, "digestSecretRef": {"name": "carrier"}})
    assert world.condition("Accepted") == "False/SecretNotFound"
    assert "Tenant spec.sip.egress[1].digestSecretRef" in world.message("Accepted")
    data = {k: base64.b64encode(k.encode()).decode() for k in ("username", "password")}
    metadata = {"name": "carrier", "namespace": "smile-dental"}
    world.users_put((SECRET, {"metadata": metadata, "data": data}))
    world.cache.changed(Ref(SECRET, "smile-dental", "carrier"))
    await world.settle()
    trunks = {trunk.name: trunk for trunk in world.sip.outbound.values()}
    main = trunks["smile-dental/reception/main"]
    assert (main.auth_username, main.auth_password) == ("username", "password")


async def test_media_encryption_stands_on_trunks_of_both_directions() -> None:
    world = World()
    sip = {
        "ingress": {"mediaEncryption": "Required"},
        "egress": [{**MAIN, "mediaEncryption": "Allowed"}],
    }
    world.users_put((TENANT, tenant(sip=sip)), (NAMESPACE, namespace()), (VOICE_AGENT, agent()))
    await world.open()
    await world.settle()
    (inbound,), (outbound,) = world.sip.trunks.values(), world.sip.outbound.values()
    assert inbound.media.encryption == SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE
    assert outbound.media.encryption == SIPMediaEncryption.SIP_MEDIA_ENCRYPT_ALLOW
    await _change(world, tenant())
    (inbound,) = world.sip.trunks.values()
    assert not inbound.HasField("media")


async def test_codecs_that_a_tenant_names_stand_on_each_trunk_and_are_not_written_again() -> None:
    world = World()
    owner = tenant(sip={"ingress": {"codecs": ["PCMA", "G722"], "mediaEncryption": "Required"}})
    world.users_put((TENANT, owner), (NAMESPACE, namespace()), (VOICE_AGENT, agent()))
    await world.open()
    await world.settle()
    (trunk,) = world.sip.trunks.values()
    assert trunk.media.only_listed_codecs
    assert [(c.name, c.rate) for c in trunk.media.codecs] == [("G722", 8000), ("PCMA", 8000)]
    assert trunk.media.encryption == SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE
    writes = len(world.sip.writes)
    await world.poll()
    world.feed.wake_everybody()
    await world.settle()
    assert len(world.sip.writes) == writes
    await _change(world, tenant())
    (trunk,) = world.sip.trunks.values()
    assert not trunk.HasField("media")
