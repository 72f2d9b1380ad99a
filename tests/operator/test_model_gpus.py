"""How model servers get at GPUs: shared ones, and claims of each pod."""

import dataclasses

from switchboard_operator.kube.kinds import RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE, VOICE_AGENT
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

MUCH_LATER = "2026-03-01T12:15:00Z"


def _drop_asks(world: ModelWorld) -> None:
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec()})


async def test_colocated_servers_share_one_gpu_and_the_last_takes_the_claim_along() -> None:
    world = ModelWorld()
    world.kube.served.add(RESOURCE_CLAIM)
    llm, ears = ask(placement="Colocated"), whisper(placement="Colocated")
    world.tenant_agent("smile-dental", llm, ears)
    await world.open()
    await world.settle()
    claims = [name for kind, _, name in world.kube.objects if kind is RESOURCE_CLAIM]
    assert claims == ["colocated-l4"]
    for deployment in world.servers().values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["resourceClaims"] == [{"name": "gpu", "resourceClaimName": "colocated-l4"}]
    first, last = server(llm).name, server(ears).name
    _drop_asks(world)
    await world.settle()
    await world.look(first, at=MUCH_LATER)
    assert (RESOURCE_CLAIM, OPERATOR, "colocated-l4") in world.kube.objects
    await world.look(last, at=MUCH_LATER)
    assert (RESOURCE_CLAIM, OPERATOR, "colocated-l4") not in world.kube.objects
    assert not world.servers()


async def test_what_does_not_fit_on_the_shared_gpu_is_refused_and_what_is_there_stays() -> None:
    world = ModelWorld()
    world.kube.served.add(RESOURCE_CLAIM)
    llm, ears = ask(placement="Colocated"), whisper(placement="Colocated")
    world.tenant_agent("smile-dental", llm, ears)
    world.tenant_agent("law-firm", numbers=["+15550111"])
    await world.open()
    await world.settle()
    small = ask("Qwen/Qwen3-4B", placement="Colocated")
    world.tenant_agent("law-firm", small, numbers=["+15550111"])
    await world.settle()
    assert world.condition("Accepted", namespace="law-firm") == "False/GpuFull"
    said = world.message("Accepted", namespace="law-firm")
    assert "spec.modelServers[0].placement" in said
    assert "would take 45% of the one GPU of profile l4 beside 75%" in said
    assert "gpuProfiles.l4.colocated lowered" in said
    assert "smile-dental" not in said
    assert world.condition("Accepted") == "True/Accepted"
    assert server(small).name not in world.servers()
    _drop_asks(world)
    await world.settle()
    world.woken.update(dict.fromkeys(world.directory.agents_in("law-firm")))
    await world.settle()
    assert world.condition("Accepted", namespace="law-firm") == "False/GpuFull"
    for name in (server(llm).name, server(ears).name):
        await world.look(name, at=MUCH_LATER)
    world.woken.update(dict.fromkeys(world.directory.agents_in("law-firm")))
    await world.settle()
    assert world.condition("Accepted", namespace="law-firm") == "True/Accepted"


async def test_sharing_a_colocated_server_takes_no_more_of_the_gpu() -> None:
    world = ModelWorld()
    world.kube.served.add(RESOURCE_CLAIM)
    llm, ears = ask(placement="Colocated"), whisper(placement="Colocated")
    world.tenant_agent("smile-dental", llm, ears)
    world.tenant_agent("law-firm", llm, numbers=["+15550111"])
    await world.open()
    await world.settle()
    for owner in ("smile-dental", "law-firm"):
        assert world.condition("Accepted", namespace=owner) == "True/Accepted"


async def test_a_pods_own_claim_follows_its_profile_and_goes_with_the_server() -> None:
    world = ModelWorld()
    world.kube.served.add(RESOURCE_CLAIM_TEMPLATE)
    asked = ask(gpuProfile="claimed")
    name = server(asked).name
    world.tenant_agent("smile-dental", asked)
    await world.open()
    await world.settle()
    before = world.servers()[name]["spec"]["template"]
    claims = [{"name": "gpu", "resourceClaimTemplateName": name}]
    assert before["spec"]["resourceClaims"] == claims
    larger = platform(gpuProfiles={"claimed": {"count": 4, "deviceClass": "gpu.nvidia.com"}})
    settings = dataclasses.replace(world.context.settings, model_servers=larger)
    world.context = dataclasses.replace(world.context, settings=settings)
    await world.look(name)
    template = world.place(RESOURCE_CLAIM_TEMPLATE, name)["spec"]["spec"]["devices"]
    assert template["requests"][0]["exactly"]["count"] == 4
    after = world.servers()[name]["spec"]["template"]
    assert after["metadata"]["annotations"] != before["metadata"]["annotations"]
    _drop_asks(world)
    await world.settle()
    await world.look(name, at=MUCH_LATER)
    assert (RESOURCE_CLAIM_TEMPLATE, OPERATOR, name) not in world.kube.objects


async def test_colocated_says_so_where_the_cluster_has_no_resource_claims() -> None:
    world = await model_world(ask(placement="Colocated"))
    assert world.condition("ModelsReady") == "False/ModelsFailing"
    assert "does not serve ResourceClaim (resource.k8s.io/v1)" in world.message("ModelsReady")
