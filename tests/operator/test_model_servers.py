"""Shared model servers: made when asked for, counted, and gone a while after the last ask."""

import copy
import dataclasses
from typing import Any

import pytest
from typing_extensions import override

from switchboard_contract import names
from switchboard_operator.directory import model_server_key
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    PERSISTENT_VOLUME_CLAIM,
    SERVICE,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from tests.operator.fakes import FakeKube
from tests.operator.model_samples import (
    OPERATOR,
    ModelWorld,
    ask,
    model_world,
    platform,
    server,
    whisper,
)
from tests.operator.samples import spec

VLLM = server(ask()).name
TRITON = server(whisper()).name
LATER = "2026-03-01T12:14:00Z"
MUCH_LATER = "2026-03-01T12:15:00Z"


def _drop_asks(world: ModelWorld, owner: str = "smile-dental") -> None:
    world.kube.put(VOICE_AGENT, world.seen(namespace=owner) | {"spec": spec()})


def _ready_of(world: ModelWorld) -> list[Object]:
    return list(world.seen()["status"]["modelServers"])


async def test_an_ask_makes_a_server_in_the_operators_namespace() -> None:
    world = await model_world(ask(), whisper())
    assert set(world.servers()) == {VLLM, TRITON}
    assert world.kinds_of(VLLM) == {
        "Deployment",
        "Service",
        "PodDisruptionBudget",
        "NetworkPolicy",
    }
    assert world.condition("ModelsReady") == "False/ModelsLoading"
    assert world.condition("Ready") == "False/ModelsLoading"
    assert "kubectl get pods -n switchboard-system" in world.message("ModelsReady")
    first, second = _ready_of(world)
    assert first["url"] == f"http://{VLLM}.switchboard-system.svc:8000/v1"
    assert (first["name"], first["ready"], second["server"]) == ("llm", False, TRITON)


async def test_an_agent_without_asks_has_no_such_condition() -> None:
    world = await model_world()
    assert not world.servers()
    assert "ModelsReady" not in {c["type"] for c in world.seen()["status"]["conditions"]}


async def test_models_are_ready_when_every_server_answers() -> None:
    world = await model_world(ask(), whisper())
    world.report(VLLM, replicas=1, readyReplicas=1)
    await world.settle()
    assert world.condition("ModelsReady") == "False/ModelsLoading"
    assert [s["ready"] for s in _ready_of(world)] == [True, False]
    world.report(TRITON, replicas=1, readyReplicas=1)
    await world.settle()
    assert world.condition("ModelsReady") == "True/ModelsReady"


async def test_a_rollout_keeps_models_ready_while_the_old_pod_answers() -> None:
    world = await model_world(ask())
    world.report(VLLM, replicas=2, readyReplicas=1, updatedReplicas=1)
    await world.settle()
    assert world.condition("ModelsReady") == "True/ModelsReady"


async def test_a_server_that_does_not_start_says_why() -> None:
    world = await model_world(ask())
    stuck = {"type": "Progressing", "status": "False", "message": "timed out progressing"}
    world.report(VLLM, replicas=1, conditions=[stuck])
    await world.settle()
    assert world.condition("ModelsReady") == "False/ModelsFailing"
    assert f"{VLLM}: timed out progressing" in world.message("Ready")
    assert f"kubectl describe deployment {VLLM} -n switchboard-system" in world.message("Ready")


async def test_a_server_that_cannot_be_made_says_why_and_heals() -> None:
    world = ModelWorld()
    world.tenant_agent("smile-dental", ask())
    await world.open()
    await world.settle()
    world.kube.remove(DEPLOYMENT, OPERATOR, VLLM)
    world.kube.fails["create"] = KubeApiError(403, "Forbidden", "exceeded quota: gpus")
    await world.settle()
    assert world.condition("ModelsReady") == "False/ModelsFailing"
    assert "exceeded quota: gpus" in world.message("ModelsReady")
    world.kube.fails.clear()
    await world.look(VLLM)
    assert world.condition("ModelsReady") == "False/ModelsLoading"


async def test_tenants_share_a_server_and_the_largest_ask_wins() -> None:
    world = await model_world(ask())
    world.tenant_agent("law-firm", ask(name="brain", replicas=3), numbers=["+15550111"])
    await world.settle()
    assert set(world.servers()) == {VLLM}
    assert world.servers()[VLLM]["spec"]["replicas"] == 3
    _drop_asks(world, "law-firm")
    await world.settle()
    assert world.servers()[VLLM]["spec"]["replicas"] == 1
    assert names.ANNOTATION_UNUSED_SINCE not in world.servers()[VLLM]["metadata"]["annotations"]


async def test_no_object_of_a_server_names_a_tenant() -> None:
    world = await model_world(ask())
    for (_, where, name), obj in world.kube.objects.items():
        if where == OPERATOR and name == VLLM:
            assert "smile-dental" not in str(obj)
            assert "ownerReferences" not in obj["metadata"]


async def test_it_stays_for_the_grace_time_and_then_goes_with_everything() -> None:
    world = await model_world(ask(gpuProfile="h100x2"))
    (name,) = world.servers()
    assert (PERSISTENT_VOLUME_CLAIM, OPERATOR, name) in world.kube.objects
    _drop_asks(world)
    await world.settle()
    annotations = world.servers()[name]["metadata"]["annotations"]
    assert annotations[names.ANNOTATION_UNUSED_SINCE] == "2026-03-01T12:00:00Z"
    await world.look(name, at=LATER)
    assert set(world.servers()) == {name}
    await world.look(name, at=MUCH_LATER)
    assert world.kinds_of(name) == set()
    deleted = [kind for verb, kind, _ in world.kube.writes if verb == "delete"]
    assert (deleted[0], deleted[-1]) == ("Service", "Deployment")


async def test_the_grace_time_survives_a_restart_of_the_operator() -> None:
    world = await model_world(ask())
    _drop_asks(world)
    await world.settle()
    world.now = MUCH_LATER
    world.start()
    await world.open()
    await world.settle()
    assert not world.servers()


async def test_an_ask_within_the_grace_time_takes_the_server_back() -> None:
    world = await model_world(ask())
    before = world.servers()[VLLM]["metadata"]["uid"]
    _drop_asks(world)
    await world.settle()
    world.now = LATER
    world.tenant_agent("smile-dental", ask())
    await world.settle()
    await world.look(VLLM, at="2026-03-02T00:00:00Z")
    assert world.servers()[VLLM]["metadata"]["uid"] == before
    assert names.ANNOTATION_UNUSED_SINCE not in world.servers()[VLLM]["metadata"]["annotations"]


async def test_models_are_released_when_the_agent_is_gone_not_before() -> None:
    world = await model_world(ask())
    world.sip.down = True
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert names.ANNOTATION_UNUSED_SINCE not in world.servers()[VLLM]["metadata"]["annotations"]
    world.sip.down = False
    await world.poll()
    world.woken[world.directory.agents_in("smile-dental")[0]] = None
    await world.settle()
    assert names.ANNOTATION_UNUSED_SINCE in world.servers()[VLLM]["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("wrong", "reason", "said"),
    [
        (
            {"gpuProfile": "a100"},
            "GpuProfileUnknown",
            (
                "spec.modelServers[1].gpuProfile: the platform has no GPU profile a100; known: "
                "claimed, cpu, h100x2, l4, patched."
            ),
        ),
        ({"gpuProfile": "cpu"}, "ModelNotAllowed", "allowed: whisper*, kokoro"),
        ({"replicas": 5}, "ModelNotAllowed", "spec.modelServers[1].replicas: GPU profile l4"),
        (
            {"gpuProfile": "h100x2", "placement": "Colocated"},
            "ModelNotAllowed",
            "modelServers.gpuProfiles.h100x2.colocated",
        ),
    ],
)
async def test_what_the_platform_does_not_grant_is_refused(
    wrong: dict[str, Any], reason: str, said: str
) -> None:
    world = await model_world(whisper(), ask(**wrong))
    assert world.condition("Accepted") == f"False/{reason}"
    assert said in world.message("Ready")
    assert not world.servers()


async def test_a_refused_change_leaves_the_server_that_is_in_force() -> None:
    world = await model_world(ask())
    world.tenant_agent("smile-dental", ask(gpuProfile="a100"))
    await world.settle()
    assert world.condition("Accepted") == "False/GpuProfileUnknown"
    assert _ready_of(world)[0]["server"] == VLLM
    assert names.ANNOTATION_UNUSED_SINCE not in world.servers()[VLLM]["metadata"]["annotations"]


async def test_an_agent_that_was_never_accepted_uses_no_gpu() -> None:
    world = ModelWorld()
    missing = {"configMapRef": {"name": "script", "key": "dialog.yaml"}}
    world.tenant_agent("smile-dental", ask(), dialog=missing)
    await world.open()
    await world.settle()
    assert world.condition("Accepted") == "False/DialogNotFound"
    assert not world.servers()


async def test_an_agent_that_loses_its_number_gives_its_server_back() -> None:
    world = ModelWorld()
    world.tenant_agent("law-firm", numbers=["+15550111"])
    world.tenant_agent("smile-dental", ask())
    await world.open()
    await world.settle()
    taken = spec(numbers=["+15550111"], modelServers=[ask()])
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": taken})
    await world.settle()
    assert world.condition("Accepted") == "False/NumberTaken"
    assert _ready_of(world) == []
    assert names.ANNOTATION_UNUSED_SINCE in world.servers()[VLLM]["metadata"]["annotations"]


async def test_going_back_to_a_revision_brings_its_server_back() -> None:
    world = await model_world(ask())
    before = world.seen()["status"]["revision"]
    world.tenant_agent("smile-dental", whisper(), persona={"name": "Bea"})
    await world.settle()
    await world.look(VLLM, at=MUCH_LATER)
    assert set(world.servers()) == {TRITON}
    pinned = world.seen()
    pinned["metadata"]["annotations"] = {names.PINNED_REVISION: before}
    world.kube.put(VOICE_AGENT, pinned)
    await world.settle()
    assert set(world.servers()) == {VLLM, TRITON}
    assert [s["server"] for s in _ready_of(world)] == [VLLM, TRITON]


async def test_a_paused_agent_keeps_what_it_has() -> None:
    world = await model_world(ask())
    paused = world.seen()
    paused["metadata"]["annotations"] = {names.PAUSED: "true"}
    paused["spec"] = spec(modelServers=[whisper()])
    world.kube.put(VOICE_AGENT, paused)
    await world.settle()
    assert set(world.servers()) == {VLLM}


async def test_an_object_of_somebody_else_is_left_alone() -> None:
    world = ModelWorld()
    world.users_put((SERVICE, {"metadata": {"name": VLLM, "namespace": OPERATOR}, "spec": {}}))
    world.tenant_agent("smile-dental", ask())
    await world.open()
    await world.settle()
    assert world.condition("ModelsReady") == "False/ModelsFailing"
    assert f"Service {OPERATOR}/{VLLM} exists" in world.message("ModelsReady")
    assert world.place(SERVICE, VLLM)["spec"] == {}


async def test_drift_is_put_right() -> None:
    world = await model_world(ask())
    service = world.place(SERVICE, VLLM)
    world.kube.put(SERVICE, {**service, "spec": {**service["spec"], "selector": {"a": "b"}}})
    await world.settle()
    selector = world.place(SERVICE, VLLM)["spec"]["selector"]
    assert selector[names.LABEL_MODEL_SERVER] == VLLM
    world.kube.remove(DEPLOYMENT, OPERATOR, VLLM)
    await world.settle()
    assert VLLM in world.servers()


async def test_looking_again_writes_nothing() -> None:
    world = await model_world(ask(), whisper(), ask("Qwen/Qwen3-4B", name="big"))
    for again in (False, True):
        if again:
            world.start()
            await world.open()
        await world.settle()
        writes = len(world.kube.writes)
        world.woken.update({model_server_key(name): None for name in world.servers()})
        world.woken.update(dict.fromkeys(world.directory.agents_in("smile-dental")))
        await world.settle()
        assert world.kube.writes[writes:] == []


class _DropsImageVolumes(FakeKube):
    """An API server without the feature gate ImageVolume: it leaves such volumes out, silently."""

    @override
    def put(self, kind: Kind, obj: Object) -> Object:
        if kind is DEPLOYMENT:
            obj = copy.deepcopy(obj)
            pod = obj["spec"]["template"]["spec"]
            pod["volumes"] = [v for v in pod["volumes"] if "image" not in v]
        return super().put(kind, obj)


async def test_a_dropped_image_volume_is_said_and_not_fought_over() -> None:
    world = ModelWorld(kube=_DropsImageVolumes())
    oci = platform(triton={"repository": {"oci": "registry.example/speech:2"}})
    settings = dataclasses.replace(world.context.settings, model_servers=oci)
    world.context = dataclasses.replace(world.context, settings=settings)
    world.tenant_agent("smile-dental", whisper())
    await world.open()
    await world.settle()
    assert world.condition("ModelsReady") == "False/ModelsFailing"
    assert "feature gate ImageVolume" in world.message("ModelsReady")
