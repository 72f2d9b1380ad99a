"""Model servers on a real API server; GPUs and pods are all that is missing."""

from typing import Any

import pytest
import yaml

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_operator.desired.models.plan import FOLLOWED
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NAMESPACE,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    RESOURCE_CLAIM,
    SERVICE,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from tests.operator.model_samples import ask, server, whisper
from tests.operator.samples import agent
from tests.operator.system import System, until
from tests.operator.test_language_models import PROMPT
from tests.operator.test_model_plan import CASES, GOLDEN
from tests.operator.workers import FakeWorker, beating

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

OPERATOR = "default"
"""Namespace in which the tests' operator believes to run."""
NO_GPU = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": "exceeded quota: gpus",
}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


async def _there(system: System, kind: Kind, name: str) -> Object | None:
    try:
        return await system.kube.get(kind, OPERATOR, name)
    except NotFoundError:
        return None


async def _ask(system: System, owner: str, number: str, *asks: Object) -> None:
    changes = {"numbers": [number], "modelServers": list(asks), "limits": {"maxCallSeconds": 10}}
    await system.put(VOICE_AGENT, agent("reception", owner, **changes))


async def _report(system: System, name: str, **status: object) -> None:
    """Report on a Deployment as its controller would: this control plane runs none."""
    await until(lambda: _there(system, DEPLOYMENT, name), f"{name} is made")
    await system.kube.patch(DEPLOYMENT, OPERATOR, name, {"status": status}, subresource="status")


async def test_everything_it_renders_is_taken_strictly_and_restricted(bare_system: System) -> None:
    meta = {"name": "switchboard-system", "labels": RESTRICTED}
    await bare_system.put(NAMESPACE, {"metadata": meta})
    for case in CASES:
        rendered = yaml.safe_load_all((GOLDEN / f"{case}.yaml").read_text(encoding="utf-8"))
        objects = [obj for obj in rendered if obj["kind"] != "PodMonitor"]  # not served here
        for obj in objects:
            if obj["kind"] == "Deployment":
                template = obj["spec"]["template"]
                template["spec"].pop("runtimeClassName", None)  # admission asks for the class
                pod = {"apiVersion": "v1", "kind": "Pod", **template}
                pod["metadata"] |= {"name": "one", "namespace": "switchboard-system"}
                objects.append(pod)
                break
        path = bare_system.workdir / f"{case}.yaml"
        path.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
        status, output = await bare_system.kubectl(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", f"--filename={path}"
        )
        assert status == 0, output
        assert "would violate PodSecurity" not in output


async def test_a_server_says_what_keeps_it_and_is_ready_when_its_pod_is(system: System) -> None:
    await system.tenant_with_namespace("models")
    await _ask(system, "models", "+15550501", ask())
    name = server(ask()).name
    await system.condition("models", "ModelsReady", "False/ModelsLoading")

    async def made() -> bool:
        kinds = (DEPLOYMENT, SERVICE, POD_DISRUPTION_BUDGET, NETWORK_POLICY)
        return all([await _there(system, kind, name) for kind in kinds])

    await until(made, f"{name} has all its objects")
    await _report(system, name, conditions=[NO_GPU])
    message = await system.condition("models", "ModelsReady", "False/ModelsFailing")
    assert "exceeded quota: gpus" in message
    await _report(system, name, conditions=[], replicas=1, readyReplicas=1)
    await system.condition("models", "ModelsReady", "True/ModelsReady")
    seen = await system.kube.get(VOICE_AGENT, "models", "reception")
    (used,) = seen["status"]["modelServers"]
    assert (used["server"], used["ready"]) == (name, True)
    assert used["url"] == f"http://{name}.{OPERATOR}.svc:8000/v1"


async def test_calls_stay_with_the_old_model_until_the_new_one_answers(system: System) -> None:
    def prompted(model: str) -> Object:
        asks = [ask(model, name="brain")]
        llm = {"providers": [{"name": "own", "modelServer": "brain"}]}
        number = ["+15550506"]
        return agent("reception", "roll", numbers=number, modelServers=asks, llm=llm, dialog=PROMPT)

    async def dispatched() -> str:
        for rule in await system.sip.list_rules():
            if rule.name == "roll/reception":
                metadata = rule.room_config.agents[0].metadata
                return DispatchMetadata.model_validate_json(metadata).revision
        return ""

    await system.tenant_with_namespace("roll")
    old, new = (server(ask(f"Qwen/Roll-{size}")).name for size in (1, 2))
    await system.put(VOICE_AGENT, prompted("Qwen/Roll-1"))
    await system.condition("roll", "ModelsReady", "False/ModelsLoading")
    await _report(system, old, replicas=1, readyReplicas=1)
    await system.condition("roll", "ModelsReady", "True/ModelsReady")
    first = await dispatched()
    asked = {"spec": prompted("Qwen/Roll-2")["spec"]}
    await system.kube.patch(VOICE_AGENT, "roll", "reception", asked)
    await system.condition("roll", "ModelsReady", "False/HandoverWaiting")
    assert await dispatched() == first
    seen = await system.kube.get(VOICE_AGENT, "roll", "reception")
    assert {one["server"] for one in seen["status"]["modelServers"]} == {old, new}
    await _report(system, new, replicas=1, readyReplicas=1)
    await system.condition("roll", "ModelsReady", "True/ModelsReady")
    assert await dispatched() not in {"", first}


async def test_tenants_come_and_go_and_the_server_follows_the_largest_ask(system: System) -> None:
    small, large = ask("Qwen/Qwen3-4B"), ask("Qwen/Qwen3-4B", name="brain", replicas=3)
    name = server(small).name
    for owner, number, asked in (("come", "+15550502", small), ("go", "+15550503", large)):
        await system.tenant_with_namespace(owner)
        await _ask(system, owner, number, asked)

    async def replicas(wanted: int) -> None:
        async def reached() -> bool:
            found = await _there(system, DEPLOYMENT, name)
            return found is not None and found["spec"]["replicas"] == wanted

        await until(reached, f"{name} has {wanted} replicas")

    await replicas(3)
    gone = await system.kube.get(VOICE_AGENT, "go", "reception")
    await system.kube.delete(VOICE_AGENT, gone)
    await replicas(1)
    nothing: dict[str, Any] = {"spec": {"modelServers": None}}
    await system.kube.patch(VOICE_AGENT, "come", "reception", nothing)

    async def released() -> bool:
        return not any([await _there(system, kind, name) for kind in FOLLOWED])

    await until(released, f"{name} is gone after its grace time")


async def test_the_number_of_pods_follows_the_calls_that_ask_the_server(system: System) -> None:
    await system.tenant_with_namespace("scaled")
    asked = ask("Qwen/Scaled", maxReplicas=4)
    name = server(asked).name
    await _ask(system, "scaled", "+15550507", asked)
    host = f"{name}.{OPERATOR}.svc"
    worker = FakeWorker(calls={"scaled/reception": 50}, models={host: 50})

    async def replicas() -> int:
        found = await _there(system, DEPLOYMENT, name)
        return int(found["spec"]["replicas"]) if found else 0

    async def grown() -> bool:
        return await replicas() == 4

    async with beating(system.redis.url, "scaled.reception", worker):
        # 50 calls at 16 for each pod (80 % of 20).
        await until(grown, "four pods are asked for", seconds=60)
        nothing: dict[str, Any] = {"spec": {"modelServers": [ask("Qwen/Scaled", replicas=2)]}}
        await system.kube.patch(VOICE_AGENT, "scaled", "reception", nothing)

        async def fixed() -> bool:
            gone = await _there(system, HORIZONTAL_POD_AUTOSCALER, name) is None
            return gone and await replicas() == 2

        await until(fixed, "the number is what was asked for")


async def test_colocated_servers_share_a_claim_that_goes_with_the_last(system: System) -> None:
    await system.tenant_with_namespace("colocated")
    both = (ask(placement="Colocated"), whisper(placement="Colocated"))
    await _ask(system, "colocated", "+15550504", *both)
    await system.condition("colocated", "Accepted", "True/Accepted")

    async def claimed() -> bool:
        return await _there(system, RESOURCE_CLAIM, "colocated-l4") is not None

    await until(claimed, "the claim is made")
    nothing: dict[str, Any] = {"spec": {"modelServers": None}}
    await system.kube.patch(VOICE_AGENT, "colocated", "reception", nothing)

    async def released() -> bool:
        return await _there(system, RESOURCE_CLAIM, "colocated-l4") is None

    await until(released, "the claim is gone")


async def test_what_the_platform_does_not_grant_is_refused(system: System) -> None:
    await system.tenant_with_namespace("refused")
    await _ask(system, "refused", "+15550505", ask(gpuProfile="a100"))
    message = await system.condition("refused", "Accepted", "False/GpuProfileUnknown")
    assert "spec.modelServers[0].gpuProfile" in message
    assert "known: claimed, cpu, h100x2, l4, patched" in message


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ask(placement="Colocated", replicas=2), "replicas must be 1 when placement is Colocated"),
        (ask("a/b", engine="triton"), "a model of a Triton repository has no / in its name"),
        (ask(engine="ollama"), "Unsupported value"),
        (ask(gpuProfile="Big GPU"), "should match"),
    ],
    ids=["colocated", "folder", "engine", "profile"],
)
async def test_the_schema_refuses_what_cannot_be(
    bare_system: System, wrong: Object, said: str
) -> None:
    path = bare_system.workdir / "wrong-model.yaml"
    text = yaml.safe_dump(agent(namespace="default", modelServers=[wrong]))
    path.write_text(text, encoding="utf-8")
    status, output = await bare_system.kubectl(
        "apply", "--dry-run=server", "--validate=strict", f"--filename={path}"
    )
    assert status != 0
    assert said in output


async def test_a_language_model_is_served_by_vllm(bare_system: System) -> None:
    providers = [{"name": "primary", "modelServer": "ears"}]
    wrong = agent(namespace="default", modelServers=[whisper()], llm={"providers": providers})
    path = bare_system.workdir / "wrong-provider.yaml"
    path.write_text(yaml.safe_dump(wrong), encoding="utf-8")
    status, output = await bare_system.kubectl("apply", "--dry-run=server", f"--filename={path}")
    assert status != 0
    assert "must stand under modelServers, with engine vllm" in output
