"""What a Tenant is promised, on a real API server, garbage collector and LiveKit."""

import contextlib
import json
import time
from collections.abc import AsyncIterator

import pytest
from livekit import api, rtc
from livekit.protocol.room import CreateRoomRequest
from livekit.protocol.sip import SIPMediaEncryption, SIPOutboundTrunkInfo, SIPTransport

from switchboard_contract import names
from switchboard_operator.desired.shared_pool import worker_name
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from switchboard_operator.sip.wire import agent_of
from tests.operator.samples import agent, tenant
from tests.operator.system import System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

SHARED = "default"
"""Where the operator of these tests runs."""
SUSPENDED_WITHIN_SECONDS = 5.0


async def _rules(system: System, where: str) -> int:
    rules = await system.sip.list_rules()
    return sum(agent_of(rule.metadata).startswith(f"{where}/") for rule in rules)


async def _outbound(system: System, where: str) -> list[SIPOutboundTrunkInfo]:
    trunks = await system.sip.list_outbound()
    return [trunk for trunk in trunks if agent_of(trunk.metadata).startswith(f"{where}/")]


async def _exists(system: System, where: str) -> bool:
    try:
        await system.kube.get(VOICE_AGENT, where, "reception")
    except NotFoundError:
        return False
    return True


@contextlib.asynccontextmanager
async def _call(system: System, where: str) -> AsyncIterator[rtc.Room]:
    """Make a room as a dispatch rule would, with a caller in it."""
    server = system.livekit
    name = f"sb-{where}-reception_test"
    metadata = json.dumps({"agent": f"{where}/reception"})
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as livekit:
        await livekit.room.create_room(CreateRoomRequest(name=name, metadata=metadata))
    token = (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity("caller")
        .with_grants(api.VideoGrants(room_join=True, room=name))
    )
    room = rtc.Room()
    await room.connect(server.ws_url, token.to_jwt())
    try:
        yield room
    finally:
        await room.disconnect()


async def _seen_by_poll(system: System, where: str) -> None:
    async def counted() -> bool:
        seen = await system.kube.get(VOICE_AGENT, where, "reception")
        return bool(seen["status"].get("activeCalls") == 1)

    await until(counted, "the call is counted")


async def test_outbound_trunks_are_made_restored_replaced_and_removed(system: System) -> None:
    carrier: Object = {
        "name": "main",
        "address": "sip.carrier.example:5061",
        "transport": "TLS",
        "mediaEncryption": "Required",
    }
    await system.tenant_with_namespace("egress", sip={"egress": [carrier]})
    await system.serve("egress", "+15550801")
    (made,) = await _outbound(system, "egress")
    assert (made.address, list(made.numbers)) == ("sip.carrier.example:5061", ["+15550801"])
    assert made.transport == SIPTransport.SIP_TRANSPORT_TLS
    assert made.media.encryption == SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE

    async def reported(wanted: str) -> bool:
        seen = await system.kube.get(VOICE_AGENT, "egress", "reception")
        found = seen["status"].get("outboundTrunks") or []
        return [trunk["trunkId"] for trunk in found] == [wanted]

    await until(lambda: reported(made.sip_trunk_id), "the trunk is reported")
    await system.sip.delete_trunk(made.sip_trunk_id)

    async def restored() -> bool:
        return len(await _outbound(system, "egress")) == 1

    await until(restored, "the trunk is back")
    (back,) = await _outbound(system, "egress")
    moved = {**carrier, "address": "sip2.carrier.example"}
    await system.put(TENANT, tenant("egress", sip={"egress": [moved]}))

    async def replaced() -> bool:
        (trunk,) = await _outbound(system, "egress")
        return (trunk.sip_trunk_id, trunk.address) == (back.sip_trunk_id, "sip2.carrier.example")

    await until(replaced, "the trunk has the new address and its id")
    await system.put(TENANT, tenant("egress", sip={"egress": []}))

    async def removed() -> bool:
        return not await _outbound(system, "egress")

    await until(removed, "the trunk is gone")


async def test_outbound_trunks_are_written_once_and_go_with_their_agent(system: System) -> None:
    await system.tenant_with_namespace(
        "egress-end", sip={"egress": [{"name": "main", "address": "192.0.2.9"}]}
    )
    made = await system.serve("egress-end", "+15550802")
    operator = system.operators[-1]
    polls = 'switchboard_livekit_requests_total{method="ListSIPOutboundTrunk",result="ok"}'
    updates = 'switchboard_livekit_requests_total{method="UpdateSIPOutboundTrunk",result="ok"}'
    before = await operator.metrics()

    async def polled_again() -> bool:
        return (await operator.metrics())[polls] >= before[polls] + 2

    await until(polled_again, "LiveKit is polled twice more")
    assert (await operator.metrics()).get(updates, 0) == before.get(updates, 0)
    await system.kube.delete(VOICE_AGENT, made)

    async def gone() -> bool:
        return not await _outbound(system, "egress-end")

    await until(gone, "the trunk is gone")


async def test_ingress_encryption_stands_on_the_trunk_and_is_written_once(system: System) -> None:
    await system.tenant_with_namespace("srtp", sip={"ingress": {"mediaEncryption": "Required"}})
    await system.serve("srtp", "+15550803")
    (trunk,) = [t for t in await system.sip.list_trunks() if t.name == "srtp/reception"]
    assert trunk.media.encryption == SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE
    operator = system.operators[-1]
    polls = 'switchboard_livekit_requests_total{method="ListRooms",result="ok"}'
    updates = 'switchboard_livekit_requests_total{method="UpdateSIPInboundTrunk",result="ok"}'
    before = await operator.metrics()

    async def polled_again() -> bool:
        return (await operator.metrics())[polls] >= before[polls] + 2

    await until(polled_again, "LiveKit is polled twice more")
    assert (await operator.metrics()).get(updates, 0) == before.get(updates, 0)


async def test_codecs_stand_on_the_trunk_and_are_written_once(system: System) -> None:
    await system.tenant_with_namespace("codecs", sip={"ingress": {"codecs": ["PCMA", "G722"]}})
    await system.serve("codecs", "+15550809")
    (trunk,) = [t for t in await system.sip.list_trunks() if t.name == "codecs/reception"]
    assert trunk.media.only_listed_codecs
    assert [(c.name, c.rate) for c in trunk.media.codecs] == [("G722", 8000), ("PCMA", 8000)]
    operator = system.operators[-1]
    polls = 'switchboard_livekit_requests_total{method="ListRooms",result="ok"}'
    updates = 'switchboard_livekit_requests_total{method="UpdateSIPInboundTrunk",result="ok"}'
    before = await operator.metrics()

    async def polled_again() -> bool:
        return (await operator.metrics())[polls] >= before[polls] + 2

    await until(polled_again, "LiveKit is polled twice more")
    assert (await operator.metrics()).get(updates, 0) == before.get(updates, 0)


async def test_suspension_stops_new_calls_within_five_seconds_and_lets_live_ones_go_on(
    system: System,
) -> None:
    await system.tenant_with_namespace("stopped")
    await system.serve("stopped", "+15550804")
    async with _call(system, "stopped") as room:
        await _seen_by_poll(system, "stopped")
        began = time.monotonic()
        await system.kube.patch(TENANT, "", "stopped", {"spec": {"suspend": True}})

        async def no_rule() -> bool:
            return await _rules(system, "stopped") == 0

        await until(no_rule, "the rule is gone")
        assert time.monotonic() - began < SUSPENDED_WITHIN_SECONDS
        await system.condition("stopped", "Accepted", "False/TenantSuspended")
        assert room.isconnected()
    await system.kube.patch(TENANT, "", "stopped", {"spec": {"suspend": False}})
    await system.condition("stopped", "SIPReady", "True/SIPReady")


async def test_suspension_with_cut_ends_live_calls(system: System) -> None:
    await system.tenant_with_namespace("cut", suspendPolicy="Cut")
    await system.serve("cut", "+15550805")
    async with _call(system, "cut") as room:
        await system.kube.patch(TENANT, "", "cut", {"spec": {"suspend": True}})
        await until(lambda: not room.isconnected(), "the caller is put out", seconds=10)
        assert await _rules(system, "cut") == 0


async def test_deletion_waits_for_the_live_call_and_says_so(system: System) -> None:
    await system.tenant_with_namespace("leaving")
    made = await system.serve("leaving", "+15550806")
    async with _call(system, "leaving") as room:
        await system.kube.delete(VOICE_AGENT, made)
        message = await system.condition("leaving", "Ready", "False/Deleting")
        assert "waiting for 1 call to end" in message
        assert await _rules(system, "leaving") == 0
        assert "leaving/reception" not in {t.name for t in await system.sip.list_trunks()}
        await system.kube.get(DEPLOYMENT, "leaving", "reception-worker")
        assert room.isconnected()

    async def gone() -> bool:
        return not await _exists(system, "leaving")

    await until(gone, "the VoiceAgent is gone", seconds=90)


async def test_idle_agents_are_deleted_at_once(system: System) -> None:
    await system.tenant_with_namespace("idle")
    count = 20
    for index in range(count):
        made = agent(f"desk-{index}", "idle", numbers=[f"+155509{index:02d}"])
        await system.put(VOICE_AGENT, made)
    for index in range(count):
        await system.condition("idle", "SIPReady", "True/SIPReady", name=f"desk-{index}")
    began = time.monotonic()
    status, output = await system.kubectl("delete", "va", "--all", "-n", "idle", "--wait=false")
    assert status == 0, output

    async def gone() -> bool:
        listed, _ = await system.kube.list_all(VOICE_AGENT)
        return not [va for va in listed if va["metadata"]["namespace"] == "idle"]

    await until(gone, "all are gone")
    assert time.monotonic() - began < count  # 1 s each, far above what it takes


async def test_a_shared_pool_serves_those_who_name_it_and_goes_with_its_tenant(
    system: System,
) -> None:
    worker = worker_name("pooled", "front")
    await system.tenant_with_namespace("pooled", workerPools=[{"name": "front"}])
    await system.serve("pooled", "+15550807", workerPool="front")

    async def made() -> bool:
        with contextlib.suppress(NotFoundError):
            await system.kube.get(DEPLOYMENT, SHARED, worker)
            return True
        return False

    await until(made, "the pool is made")
    pool = await system.kube.get(DEPLOYMENT, SHARED, worker)
    assert pool["metadata"]["labels"][names.LABEL_POOL] == "pooled_front"
    where = f"kubectl get pods -n {SHARED} -l switchboard.dev/pool=pooled_front"

    async def said() -> bool:
        return where in await system.condition("pooled", "WorkersReady", "False/WorkersStarting")

    await until(said, "it says where the workers are")
    revision = (await system.kube.get(VOICE_AGENT, "pooled", "reception"))["status"]["revision"]
    copy = await system.kube.get(CONFIG_MAP, SHARED, f"reception-{revision}")
    assert names.REVISION_KEY in copy["data"]
    (rule,) = [r for r in await system.sip.list_rules() if r.name == "pooled/reception"]
    assert rule.room_config.agents[0].agent_name == "pooled_front"
    with pytest.raises(NotFoundError):
        await system.kube.get(DEPLOYMENT, "pooled", "reception-worker")

    await system.kube.delete(TENANT, await system.kube.get(TENANT, "", "pooled"))
    await system.condition("pooled", "Accepted", "False/TenantNotFound")

    async def gone() -> bool:
        for kind, name in ((DEPLOYMENT, worker), (CONFIG_MAP, f"reception-{revision}")):
            with contextlib.suppress(NotFoundError):
                await system.kube.get(kind, SHARED, name)
                return False
        return True

    await until(gone, "pool and copy are collected", seconds=120)


async def test_an_agent_moves_between_pools_of_its_tenant(system: System) -> None:
    await system.tenant_with_namespace("movers", workerPools=[{"name": "a"}, {"name": "b"}])
    await system.serve("movers", "+15550808", workerPool="a")
    await system.kube.patch(VOICE_AGENT, "movers", "reception", {"spec": {"workerPool": "b"}})

    async def moved() -> bool:
        seen = await system.kube.get(VOICE_AGENT, "movers", "reception")
        copy = await system.kube.get(CONFIG_MAP, SHARED, f"reception-{seen['status']['revision']}")
        labels = copy["metadata"]["labels"]
        (rule,) = [r for r in await system.sip.list_rules() if r.name == "movers/reception"]
        pools = {labels[names.LABEL_POOL], rule.room_config.agents[0].agent_name}
        return pools == {"movers_b"}

    await until(moved, "copy and rule belong to the other pool")


async def test_the_api_server_refuses_names_that_pods_cannot_carry_and_doubles(
    system: System,
) -> None:
    long = tenant("long-pool", workerPools=[{"name": "x" * 50}])
    with pytest.raises(KubeApiError, match="54 characters together"):
        await system.kube.create(TENANT, long)
    carrier = {"name": "main", "address": "192.0.2.9"}
    with pytest.raises(KubeApiError, match="names of egress must not repeat"):
        await system.kube.create(TENANT, tenant("twice", sip={"egress": [carrier, carrier]}))
