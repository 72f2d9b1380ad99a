"""The operator on a real API server, garbage collector and LiveKit; each test has its tenant."""

import base64

import pytest

from switchboard_contract import names
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import (
    CHILDREN,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    SERVICE,
    TENANT,
    VOICE_AGENT,
)
from switchboard_operator.sip.wire import agent_of
from tests.operator.samples import agent, namespace, tenant
from tests.operator.system import System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

WORKER = "reception-worker"


async def _livekit_objects(system: System, where: str) -> tuple[int, int]:
    trunks = [t for t in await system.sip.list_trunks() if agent_of(t.metadata).startswith(where)]
    rules = [r for r in await system.sip.list_rules() if agent_of(r.metadata).startswith(where)]
    return len(trunks), len(rules)


async def test_an_applied_agent_gets_all_its_objects(system: System) -> None:
    await system.tenant_with_namespace("all-objects")
    await system.serve("all-objects", "+15550201")
    message = await system.condition("all-objects", "Ready", "False/WorkersStarting")
    assert "kubectl get pods -l switchboard.dev/pool=all-objects.reception" in message
    for kind in CHILDREN:
        listed, _ = await system.kube.list_all(kind, f"{names.LABEL_AGENT}=reception")
        here = [obj for obj in listed if obj["metadata"]["namespace"] == "all-objects"]
        assert len(here) == 1, kind.kind
    assert await _livekit_objects(system, "all-objects/") == (1, 1)
    _, table = await system.kubectl("get", "va", "-n", "all-objects")
    assert table.split()[:7] == ["NAME", "READY", "REASON", "NUMBERS", "CALLS", "WORKERS", "AGE"]
    assert '["+15550201"]' in table


async def test_delete_leaves_nothing_behind(system: System) -> None:
    await system.tenant_with_namespace("deleted")
    made = await system.serve("deleted", "+15550202")
    await system.kube.delete(VOICE_AGENT, made)

    async def gone() -> bool:
        for kind in CHILDREN:
            listed, _ = await system.kube.list_all(kind, f"{names.LABEL_TENANT}=deleted")
            if listed:
                return False
        return await _livekit_objects(system, "deleted/") == (0, 0)

    # The garbage collector looks for kinds that are newer than itself twice a minute.
    await until(gone, "children and LiveKit objects are gone", seconds=120)
    with pytest.raises(NotFoundError):
        await system.kube.get(VOICE_AGENT, "deleted", "reception")


async def test_a_number_conflict_heals_when_the_older_goes(system: System) -> None:
    await system.tenant_with_namespace("older")
    await system.tenant_with_namespace("younger")
    made = await system.serve("older", "+15550203")
    await system.put(VOICE_AGENT, agent("reception", "younger", numbers=["+15550203"]))
    await system.condition("younger", "Accepted", "False/NumberTaken")
    await system.kube.delete(VOICE_AGENT, made)
    await system.condition("younger", "SIPReady", "True/SIPReady")


async def test_missing_tenant_heals_when_it_comes(system: System) -> None:
    await system.put(NAMESPACE, namespace("late", None))
    await system.put(VOICE_AGENT, agent("reception", "late", numbers=["+15550204"]))
    message = await system.condition("late", "Accepted", "False/TenantNotAssigned")
    assert "kubectl label namespace late switchboard.dev/tenant=<tenant>" in message
    await system.put(NAMESPACE, namespace("late", "late"))
    await system.condition("late", "Accepted", "False/TenantNotFound")
    await system.put(TENANT, tenant("late"))
    await system.condition("late", "SIPReady", "True/SIPReady")


async def test_a_namespace_that_loses_its_tenant_loses_its_line_and_gets_it_back(
    system: System,
) -> None:
    await system.tenant_with_namespace("moving")
    await system.serve("moving", "+15550205")
    patch = {"metadata": {"labels": {names.LABEL_TENANT: None}}}
    await system.kube.patch(NAMESPACE, "", "moving", patch)
    await system.condition("moving", "Accepted", "False/TenantNotAssigned")
    assert await _livekit_objects(system, "moving/") == (0, 0)
    await system.put(NAMESPACE, namespace("moving", "moving"))
    await system.condition("moving", "SIPReady", "True/SIPReady")


async def test_dialog_in_a_config_map_is_followed(system: System) -> None:
    await system.tenant_with_namespace("script")
    dialog = {"configMapRef": {"name": "script", "key": "dialog.yaml"}}
    await system.put(
        VOICE_AGENT, agent("reception", "script", numbers=["+15550206"], dialog=dialog)
    )
    await system.condition("script", "Accepted", "False/DialogNotFound")
    text = "greeting: hi\nintents: [{name: bye, phrases: [good bye], hangUp: true}]\n"
    meta = {"name": "script", "namespace": "script"}
    await system.put(CONFIG_MAP, {"metadata": meta, "data": {"dialog.yaml": text}})
    await system.condition("script", "SIPReady", "True/SIPReady")
    before = (await system.kube.get(VOICE_AGENT, "script", "reception"))["status"]["revision"]
    changed = {"dialog.yaml": text.replace("hi", "hello")}
    await system.put(CONFIG_MAP, {"metadata": meta, "data": changed})

    async def followed() -> bool:
        now = await system.kube.get(VOICE_AGENT, "script", "reception")
        return bool(now["status"]["revision"] != before)

    await until(followed, "a new revision is made")


async def test_digest_credentials_reach_the_trunk_and_are_not_written_again(
    system: System,
) -> None:
    ingress = {"digestSecretRef": {"name": "carrier"}}
    await system.tenant_with_namespace("digest", sip={"ingress": ingress})
    await system.put(VOICE_AGENT, agent("reception", "digest", numbers=["+15550214"]))
    message = await system.condition("digest", "Accepted", "False/SecretNotFound")
    assert "Tenant spec.sip.ingress.digestSecretRef" in message
    data = {k: base64.b64encode(k.encode()).decode() for k in ("username", "password")}
    await system.put(SECRET, {"metadata": {"name": "carrier", "namespace": "digest"}, "data": data})
    await system.condition("digest", "SIPReady", "True/SIPReady")
    (trunk,) = [t for t in await system.sip.list_trunks() if t.name == "digest/reception"]
    assert (trunk.auth_username, trunk.auth_password) == ("username", "password")
    operator = system.operators[-1]
    polls = 'switchboard_livekit_requests_total{method="ListRooms",result="ok"}'
    updates = 'switchboard_livekit_requests_total{method="UpdateSIPInboundTrunk",result="ok"}'
    before = await operator.metrics()

    async def polled_again() -> bool:
        return (await operator.metrics())[polls] >= before[polls] + 2

    await until(polled_again, "LiveKit is polled twice more")
    assert (await operator.metrics()).get(updates, 0) == before.get(updates, 0)


async def test_drift_is_healed_on_both_sides(system: System) -> None:
    await system.tenant_with_namespace("drift")
    await system.serve("drift", "+15550207")
    await system.kube.patch(SERVICE, "drift", WORKER, {"spec": {"publishNotReadyAddresses": False}})
    await system.kube.delete(DEPLOYMENT, await system.kube.get(DEPLOYMENT, "drift", WORKER))
    (rule,) = [r for r in await system.sip.list_rules() if r.name == "drift/reception"]
    await system.sip.delete_rule(rule.sip_dispatch_rule_id)

    async def healed() -> bool:
        service = await system.kube.get(SERVICE, "drift", WORKER)
        try:
            await system.kube.get(DEPLOYMENT, "drift", WORKER)
        except NotFoundError:
            return False
        right = service["spec"].get("publishNotReadyAddresses") is True
        return right and await _livekit_objects(system, "drift/") == (1, 1)

    await until(healed, "Service, Deployment and rule are as planned")


async def test_what_the_plan_drops_goes_away_and_replicas_stay(system: System) -> None:
    await system.tenant_with_namespace("dedicated", isolation="Dedicated")
    await system.serve("dedicated", "+15550208", scaling={"min": 1, "max": 5})
    deployment = await system.kube.get(DEPLOYMENT, "dedicated", WORKER)
    assert "affinity" in deployment["spec"]["template"]["spec"]
    scaled = {"spec": {"replicas": 3}}
    await system.kube.patch(DEPLOYMENT, "dedicated", WORKER, scaled, subresource="scale")
    await system.put(TENANT, tenant("dedicated", isolation="Shared"))

    async def moved() -> bool:
        now = await system.kube.get(DEPLOYMENT, "dedicated", WORKER)
        return "affinity" not in now["spec"]["template"]["spec"]

    await until(moved, "the affinity is gone")
    assert (await system.kube.get(DEPLOYMENT, "dedicated", WORKER))["spec"]["replicas"] == 3


async def test_kubectl_scale_moves_the_minimum(system: System) -> None:
    await system.tenant_with_namespace("scaled")
    await system.serve("scaled", "+15550209")
    status, output = await system.kubectl("scale", "va/reception", "--replicas=2", "-n", "scaled")
    assert status == 0, output

    async def scaled() -> bool:
        return bool((await system.kube.get(DEPLOYMENT, "scaled", WORKER))["spec"]["replicas"] == 2)

    await until(scaled, "two workers are asked for")


async def test_suspend_takes_no_calls_and_keeps_the_number(system: System) -> None:
    await system.tenant_with_namespace("paused")
    await system.serve("paused", "+15550210")
    await system.kube.patch(VOICE_AGENT, "paused", "reception", {"spec": {"suspend": True}})
    await system.condition("paused", "Ready", "False/Suspended")
    assert await _livekit_objects(system, "paused/") == (1, 0)
    await system.kube.patch(VOICE_AGENT, "paused", "reception", {"spec": {"suspend": False}})
    await system.condition("paused", "SIPReady", "True/SIPReady")


async def test_an_agent_applied_while_livekit_is_down_is_served_when_it_returns(
    system: System,
) -> None:
    await system.tenant_with_namespace("patient")
    await system.stop_livekit()
    try:
        await system.put(VOICE_AGENT, agent("reception", "patient", numbers=["+15550211"]))
        await system.condition("patient", "SIPReady", "False/LiveKitUnreachable")
        await system.kube.get(DEPLOYMENT, "patient", WORKER)
    finally:
        await system.start_livekit()
    await system.condition("patient", "SIPReady", "True/SIPReady")


async def test_a_restart_with_nothing_to_do_writes_nothing(system: System) -> None:
    await system.tenant_with_namespace("steady")
    await system.serve("steady", "+15550212")
    assert await system.operators[-1].stop() < 6.0
    again = await system.start_operator()

    async def looked() -> bool:
        count = (await again.metrics()).get(
            'switchboard_reconciles_total{kind="VoiceAgent",result="ok"}', 0
        )
        agents, _ = await system.kube.list_all(VOICE_AGENT)
        return count >= len(agents)

    await until(looked, "every VoiceAgent was looked at")
    assert await again.writes() == {}


async def test_a_standby_takes_over_when_the_leader_is_killed(system: System) -> None:
    leader = system.operators[-1]
    standby = await system.start_operator(leading=False)
    await until(standby.knows_the_cluster, "standby has read the cluster")
    assert not standby.is_leading()
    assert (await standby.metrics())["switchboard_leader"] == 0
    assert await standby.writes() == {}
    await leader.stop(9)
    await until(standby.is_leading, "standby leads")
    await system.tenant_with_namespace("after")
    await system.serve("after", "+15550213")
