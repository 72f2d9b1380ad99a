"""A VoiceAgent's life between a Kubernetes and a LiveKit that behave as measured."""

import base64

from switchboard_contract import names
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    SERVICE,
    TENANT,
    VOICE_AGENT,
)
from switchboard_operator.reconcile.finalizer import SKIP_CLEANUP
from switchboard_operator.store import Ref
from tests.operator.samples import World, agent, namespace, served_world, spec, tenant


async def test_an_accepted_agent_gets_everything() -> None:
    world = await served_world()
    kinds = {place[0].kind for place in world.kube.objects}
    assert kinds >= {"ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding"}
    assert kinds >= {"Deployment", "Service", "PodDisruptionBudget"}
    (trunk,), (rule,) = world.sip.trunks.values(), world.sip.rules.values()
    assert list(trunk.numbers) == ["+15550100"]
    assert list(rule.trunk_ids) == [trunk.sip_trunk_id]
    assert rule.room_config.agents[0].agent_name == "smile-dental.reception"
    assert world.condition("SIPReady") == "True/SIPReady"
    assert world.condition("Ready") == "False/WorkersStarting"


async def test_it_is_ready_once_a_worker_is() -> None:
    world = await served_world()
    deployment = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    world.kube.put(DEPLOYMENT, deployment | {"status": {"replicas": 1, "readyReplicas": 1}})
    await world.settle()
    assert world.condition("Ready") == "True/Ready"
    assert world.seen()["status"]["workers"] == 1


async def test_looking_again_writes_nothing() -> None:
    world = await served_world()
    await _again(world)
    world.start()
    await world.open()
    await _again(world)


async def _again(world: World) -> None:
    await world.settle()
    writes, sip_writes = len(world.kube.writes), len(world.sip.writes)
    world.woken.update(dict.fromkeys(world.directory.agents_in("smile-dental")))
    await world.settle()
    assert (world.kube.writes[writes:], world.sip.writes[sip_writes:]) == ([], [])


async def test_a_child_that_somebody_changed_is_put_right() -> None:
    world = await served_world()
    service = world.kube.objects[SERVICE, "smile-dental", "reception-worker"]
    broken = {**service, "spec": {**service["spec"], "publishNotReadyAddresses": False}}
    world.kube.put(SERVICE, broken)
    await world.settle()
    healed = world.kube.objects[SERVICE, "smile-dental", "reception-worker"]
    assert healed["spec"]["publishNotReadyAddresses"] is True


async def test_a_child_that_somebody_deleted_comes_back() -> None:
    world = await served_world()
    world.kube.remove(DEPLOYMENT, "smile-dental", "reception-worker")
    await world.settle()
    assert (DEPLOYMENT, "smile-dental", "reception-worker") in world.kube.objects


async def test_an_object_of_somebody_else_is_left_alone() -> None:
    world = World()
    foreign = {"metadata": {"name": "reception-worker", "namespace": "smile-dental"}, "data": {}}
    world.users_put(
        (TENANT, tenant()),
        (NAMESPACE, namespace()),
        (SECRET, foreign),
        (VOICE_AGENT, agent()),
    )
    await world.open()
    await world.settle()
    assert world.condition("WorkersReady") == "False/Conflict"
    assert "Secret smile-dental/reception-worker" in world.message("WorkersReady")
    assert world.kube.objects[SECRET, "smile-dental", "reception-worker"]["data"] == {}
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_delete_takes_rule_before_trunk_and_lets_go_last() -> None:
    world = await served_world()
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert world.sip.writes[-2:] == ["delete_rule", "delete_trunk"]
    assert (VOICE_AGENT, "smile-dental", "reception") not in world.kube.objects


async def test_delete_waits_for_livekit() -> None:
    world = await served_world()
    world.sip.down = True
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert world.seen()["metadata"]["finalizers"] == [names.FINALIZER]
    world.sip.down = False
    await world.poll()
    world.woken[world.directory.agents_in("smile-dental")[0]] = None
    await world.settle()
    assert (VOICE_AGENT, "smile-dental", "reception") not in world.kube.objects
    assert not world.sip.trunks


async def test_delete_does_not_wait_when_told_to_skip_livekit() -> None:
    world = await served_world()
    world.sip.down = True
    going = world.seen()
    going["metadata"]["annotations"] = {SKIP_CLEANUP: "true"}
    world.kube.put(VOICE_AGENT, going)
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert (VOICE_AGENT, "smile-dental", "reception") not in world.kube.objects


async def test_an_agent_made_while_livekit_is_down_is_served_when_it_returns() -> None:
    world = World()
    world.sip.down = True
    world.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, agent()))
    await world.open()
    await world.settle()
    assert world.condition("SIPReady") == "False/LiveKitUnreachable"
    assert (DEPLOYMENT, "smile-dental", "reception-worker") in world.kube.objects
    world.sip.down = False
    await world.poll()
    await world.settle()
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_serving_agents_say_so_when_livekit_goes_away_and_comes_back() -> None:
    world = await served_world()
    world.sip.down = True
    await world.poll()
    assert not world.woken, "one failed poll may be a blip"
    await world.poll()
    await world.settle()
    assert world.condition("SIPReady") == "False/LiveKitUnreachable"
    world.sip.down = False
    await world.poll()
    await world.settle()
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_what_redis_lost_is_made_again() -> None:
    world = await served_world()
    world.sip.trunks.clear()
    world.sip.rules.clear()
    await world.poll()
    await world.settle()
    (trunk,), (rule,) = world.sip.trunks.values(), world.sip.rules.values()
    assert list(rule.trunk_ids) == [trunk.sip_trunk_id]
    assert world.seen()["status"]["trunkId"] == trunk.sip_trunk_id


async def test_a_rule_that_somebody_changed_is_replaced_keeping_its_id() -> None:
    world = await served_world()
    (before,) = world.sip.rules
    world.sip.rules[before].room_config.agents[0].agent_name = "somebody.else"
    await world.poll()
    await world.settle()
    (after,) = world.sip.rules
    assert after == before
    assert world.sip.rules[after].room_config.agents[0].agent_name == "smile-dental.reception"


async def test_objects_made_by_a_process_that_died_are_adopted() -> None:
    world = await served_world()
    del world.seen()["status"]
    world.start()
    await world.open()
    await world.settle()
    assert world.sip.writes == ["create_trunk", "create_rule"]
    assert world.seen()["status"]["trunkId"] in world.sip.trunks


async def test_calls_are_counted_by_room() -> None:
    world = await served_world()
    world.sip.rooms = [("a", '{"agent":"smile-dental/reception"}')] * 2 + [("b", ""), ("c", "x")]
    await world.poll()
    await world.settle()
    assert world.seen()["status"]["activeCalls"] == 2


async def test_suspend_takes_the_rule_and_keeps_the_number() -> None:
    world = await served_world()
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(suspend=True)})
    await world.settle()
    assert (len(world.sip.rules), len(world.sip.trunks)) == (0, 1)
    assert world.condition("Ready") == "False/Suspended"
    assert world.condition("NumbersBound") == "True/Bound"


async def test_a_new_dialog_makes_a_revision_and_moves_the_rule() -> None:
    world = await served_world(revisionHistoryLimit=1)
    for name in ("Bea", "Cleo", "Dora"):
        changed = spec(persona={"name": name}, revisionHistoryLimit=1)
        world.kube.put(VOICE_AGENT, world.seen() | {"spec": changed})
        await world.settle()
    revisions = [p[2] for p in world.kube.objects if p[0] is CONFIG_MAP]
    current = world.seen()["status"]["revision"]
    assert len(revisions) == 2
    assert f"reception-{current}" in revisions
    (rule,) = world.sip.rules.values()
    assert f'"revision":"{current}"' in rule.room_config.agents[0].metadata


async def test_scaling_follows_the_minimum_until_somebody_else_scales() -> None:
    world = await served_world(scaling={"min": 2, "max": 5})
    place = (DEPLOYMENT, "smile-dental", "reception-worker")
    assert world.kube.objects[place]["spec"]["replicas"] == 2
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(scaling={"min": 1, "max": 5})})
    await world.settle()
    assert world.kube.objects[place]["spec"]["replicas"] == 1
    scaled = world.kube.objects[place]
    world.kube.put(DEPLOYMENT, {**scaled, "spec": {**scaled["spec"], "replicas": 4}})
    await world.settle()
    assert world.kube.objects[place]["spec"]["replicas"] == 4
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(scaling={"min": 1, "max": 3})})
    await world.settle()
    assert world.kube.objects[place]["spec"]["replicas"] == 3


async def test_an_api_server_that_refuses_a_child_shows_and_does_not_stop_the_number() -> None:
    world = World()
    world.kube.fails["create"] = KubeApiError(403, "Forbidden", "exceeded quota: pods")
    world.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, agent()))
    await world.open()
    await world.settle()
    assert world.condition("WorkersReady") == "False/ApiRefused"
    assert "exceeded quota" in world.message("Ready")
    assert world.condition("NumbersBound") == "True/Bound"


async def test_tenant_suspension_shows_and_heals() -> None:
    world = await served_world()
    world.kube.put(TENANT, tenant(suspend=True))
    await world.settle()
    assert world.condition("Accepted") == "False/TenantSuspended"
    assert not world.sip.rules
    assert len(world.sip.trunks) == 1, "the number stays reserved"
    world.kube.put(TENANT, tenant())
    await world.settle()
    assert world.condition("SIPReady") == "True/SIPReady"


async def test_digest_secret_is_read_watched_and_named_when_missing() -> None:
    world = World()
    owner = tenant(sip={"ingress": {"digestSecretRef": {"name": "carrier"}}})
    world.users_put((TENANT, owner), (NAMESPACE, namespace()), (VOICE_AGENT, agent()))
    await world.open()
    await world.settle()
    assert world.condition("Accepted") == "False/SecretNotFound"
    assert "create it with the keys username and password" in world.message("Ready")
    assert not world.sip.trunks
    data = {k: base64.b64encode(k.encode()).decode() for k in ("username", "password")}
    metadata = {"name": "carrier", "namespace": "smile-dental"}
    world.users_put((SECRET, {"metadata": metadata, "data": data}))
    world.cache.changed(Ref(SECRET, "smile-dental", "carrier"))
    await world.settle()
    (trunk,) = world.sip.trunks.values()
    assert (trunk.auth_username, trunk.auth_password) == ("username", "password")


async def test_dialog_from_a_config_map_follows_it_and_survives_a_broken_one() -> None:
    world = World()
    dialog = {"configMapRef": {"name": "script", "key": "dialog.yaml"}}
    ref = Ref(CONFIG_MAP, "smile-dental", "script")
    metadata = {"name": "script", "namespace": "smile-dental"}
    good = "greeting: hi\nintents: [{name: bye, phrases: [good bye], hangUp: true}]\n"
    world.users_put(
        (TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, agent(dialog=dialog))
    )
    await world.open()
    await world.settle()
    assert world.condition("Accepted") == "False/DialogNotFound"
    world.users_put((CONFIG_MAP, {"metadata": metadata, "data": {"dialog.yaml": good}}))
    world.cache.changed(ref)
    await world.settle()
    assert world.condition("SIPReady") == "True/SIPReady"
    revision = world.seen()["status"]["revision"]
    world.users_put((CONFIG_MAP, {"metadata": metadata, "data": {"dialog.yaml": "greeting: 1"}}))
    world.cache.changed(ref)
    await world.settle()
    assert world.condition("Accepted") == "False/DialogInvalid"
    assert "dialog.intents: required; set it" in world.message("Accepted")
    human = "greeting: hi\nintents: [{name: a, phrases: [a human], say: Yes., transfer: true}]\n"
    world.users_put((CONFIG_MAP, {"metadata": metadata, "data": {"dialog.yaml": human}}))
    world.cache.changed(ref)
    await world.settle()
    assert world.condition("Accepted") == "False/DialogInvalid"
    assert "set spec.transfer to say where to" in world.message("Accepted")
    assert world.seen()["status"]["revision"] == revision
    assert len(world.sip.rules) == 1, "the last good revision stays in service"
