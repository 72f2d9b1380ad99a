"""Worker pods under the real pod security admission of a namespace that enforces `restricted`."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from switchboard_local.parts.controller_manager import WITHOUT_NODES
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import DEPLOYMENT, NAMESPACE, POD_MONITOR, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object
from tests.operator.foreign_kinds import install_foreign
from tests.operator.samples import agent
from tests.operator.system import System, running_system, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

POD = Kind("", "v1", "Pod", "pods")
WORKER = "reception-worker"
_ROOT = {"privileged": True, "allowPrivilegeEscalation": True}
PRIVILEGED: Object = {"spec": {"containers": [{"name": "worker", "securityContext": _ROOT}]}}
FORBIDDEN = 'violates PodSecurity "restricted:latest"'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A system of its own, whose Deployments do become pods."""
    makers = ("deployment-controller", "replicaset-controller")
    workdir = tmp_path_factory.mktemp("pod-security")
    async with running_system(workdir, controllers=(*WITHOUT_NODES, *makers)) as started:
        await started.start_operator()
        yield started


async def _restricted(system: System, name: str) -> None:
    await system.tenant_with_namespace(name)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await system.kube.patch(NAMESPACE, "", name, {"metadata": {"labels": labels}})


async def _template(system: System, name: str) -> Object:
    async def made() -> bool:
        listed, _ = await system.kube.list_all(DEPLOYMENT, f"switchboard.dev/tenant={name}")
        return bool(listed)

    await until(made, "the Deployment is made")
    deployment = await system.kube.get(DEPLOYMENT, name, WORKER)
    template: Object = deployment["spec"]["template"]
    return template


def _pod(name: str, template: Object) -> Object:
    metadata = template["metadata"] | {"name": "by-hand", "namespace": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


async def test_the_worker_pod_is_taken(system: System) -> None:
    await _restricted(system, "restricted")
    await system.serve("restricted", "+15550601")
    pod = _pod("restricted", await _template(system, "restricted"))
    made = await system.kube.create(POD, pod)
    assert made["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    await system.kube.delete(POD, made)


async def test_a_hostile_pod_template_is_refused_and_the_status_says_why(system: System) -> None:
    await _restricted(system, "hostile")
    await system.serve("hostile", "+15550602", podTemplate=PRIVILEGED)
    with pytest.raises(KubeApiError) as refusal:
        await system.kube.create(POD, _pod("hostile", await _template(system, "hostile")))
    assert FORBIDDEN in str(refusal.value)
    message = await system.condition("hostile", "WorkersReady", "False/WorkersFailing")
    assert FORBIDDEN in message
    assert "privileged" in message
    assert f"kubectl describe deployment {WORKER}" in message


async def test_the_workers_come_when_the_template_is_mended(system: System) -> None:
    await _restricted(system, "mended")
    await system.serve("mended", "+15550603", podTemplate=PRIVILEGED)
    await system.condition("mended", "WorkersReady", "False/WorkersFailing")
    patch = {"spec": {"podTemplate": None}}
    await system.kube.patch(VOICE_AGENT, "mended", "reception", patch)

    async def come() -> bool:
        pods, _ = await system.kube.list_all(POD, "switchboard.dev/pool=mended.reception")
        return bool(pods)

    await until(come, "a worker pod is made")
    container = (await _template(system, "mended"))["spec"]["containers"][0]
    assert "privileged" not in container["securityContext"]


async def test_a_template_that_contradicts_itself_is_refused_with_its_field(
    system: System,
) -> None:
    await system.tenant_with_namespace("contradiction")
    wrong = agent("reception", "contradiction", numbers=["+15550606"])
    half = {"name": "worker", "securityContext": {"privileged": True}}
    wrong["spec"]["podTemplate"] = {"spec": {"containers": [half]}}
    await system.put(VOICE_AGENT, wrong)
    message = await system.condition("contradiction", "WorkersReady", "False/ApiRefused")
    assert "allowPrivilegeEscalation" in message


async def test_a_field_that_no_pod_has_is_named(system: System) -> None:
    await system.tenant_with_namespace("misspelt")
    wrong = agent("reception", "misspelt", numbers=["+15550604"])
    wrong["spec"]["podTemplate"] = {"spec": {"nodeSelektor": {"disk": "fast"}}}
    await system.put(VOICE_AGENT, wrong)
    message = await system.condition("misspelt", "WorkersReady", "False/ApiRefused")
    assert "nodeSelektor" in message


async def test_the_users_spelling_is_not_written_again(system: System) -> None:
    await system.tenant_with_namespace("spelling")
    worker = {
        "name": "worker",
        "env": [{"name": "EMPTY", "value": ""}],
        "resources": {"requests": {"cpu": 0.5, "memory": "0.5Gi"}, "limits": {"memory": "1024Mi"}},
        "ports": [{"containerPort": 9000}],
    }
    spec = {
        "hostNetwork": False,
        "containers": [worker],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}}],
    }
    placement = {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"disk": ""}}
    await system.serve("spelling", "+15550607", podTemplate={"spec": spec}, placement=placement)
    await _template(system, "spelling")
    await system.operators[-1].stop()
    again = await system.start_operator()

    async def looked() -> bool:
        count = 'switchboard_reconciles_total{kind="VoiceAgent",result="ok"}'
        agents, _ = await system.kube.list_all(VOICE_AGENT)
        return (await again.metrics()).get(count, 0) >= len(agents) - 2

    await until(looked, "all but the two that can never be right were looked at")
    writes = await again.writes()
    assert not [write for write in writes if '"Deployment"' in write and '"create"' not in write]
    assert not [write for write in writes if '"NetworkPolicy"' in write]


async def test_monitors_are_made_when_their_api_comes_and_kept_as_they_are(system: System) -> None:
    await system.tenant_with_namespace("monitored")
    await system.serve("monitored", "+15550608")
    await install_foreign(system)

    async def monitored() -> bool:
        listed, _ = await system.kube.list_all(POD_MONITOR, "switchboard.dev/tenant=monitored")
        return bool(listed)

    await until(monitored, "the PodMonitor is made without a restart")
    made = await system.kube.get(POD_MONITOR, "monitored", "reception-worker")
    labels = dict.fromkeys(made["spec"]["selector"]["matchLabels"], "other")
    edit = {"spec": {"selector": {"matchLabels": labels}}}
    await system.kube.patch(POD_MONITOR, "monitored", "reception-worker", edit)

    async def put_right() -> bool:
        now = await system.kube.get(POD_MONITOR, "monitored", "reception-worker")
        return bool(now["spec"]["selector"] == made["spec"]["selector"])

    await until(put_right, "a hand edit is put right, without waiting for a full list")


async def test_null_removes_what_the_operator_renders(system: System) -> None:
    await system.tenant_with_namespace("nulls")
    limits = {"spec": {"containers": [{"name": "worker", "resources": {"limits": None}}]}}
    await system.serve("nulls", "+15550605", podTemplate=limits)
    container = (await _template(system, "nulls"))["spec"]["containers"][0]
    assert "limits" not in container["resources"]
    assert container["resources"]["requests"]
