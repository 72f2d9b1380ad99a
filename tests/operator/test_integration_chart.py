"""The chart: renders, is taken by the real API server, and refuses values that cannot work."""

import json

import pytest
import yaml

from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import NAMESPACE, SERVICE_ACCOUNT, Kind
from tests.operator.system import ROOT, System, render_chart, tool

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

POD = Kind("", "v1", "Pod", "pods")


async def test_everything_it_renders_is_taken_strictly(bare_system: System) -> None:
    status, rendered = await render_chart()
    assert status == 0, rendered
    path = bare_system.workdir / "chart.yaml"
    path.write_text(rendered, encoding="utf-8")
    status, output = await bare_system.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", f"--filename={path}"
    )
    assert status == 0, output
    assert "deployment.apps/switchboard-operator" in output


@pytest.mark.parametrize("chart", ["switchboard", "switchboard-crds"])
async def test_helm_finds_nothing_to_complain_about(chart: str) -> None:
    required = ["livekit.apiUrl=http://a", "livekit.workerUrl=ws://a", "livekit.existingSecret=a"]
    sets = [f"--set={value}" for value in [*required, "redis.existingSecret=b"]]
    options = sets if chart == "switchboard" else []
    status, output = await tool("helm", "lint", "--strict", str(ROOT / "charts" / chart), *options)
    assert status == 0, output


@pytest.mark.parametrize(
    "wrong",
    [
        "--set=livekit.apiUrl=livekit:7880",
        "--set=livekit.workerUrl=http://livekit",
        "--set=livekit.existingSecret=",
        "--set=redis.existingSecret=",
        "--set=operator.replicas=0",
        "--set=worker.memoryLimit=lots",
        "--set=worker.networkPolicy.enabled=maybe",
        "--set=worker.networkPolicy.ingress=none",
        "--set=worker.podMonitor.interval=often",
        "--set=oprator.image=x",
        "--set=modelServers.gpuProfiles.l4.cuont=1",
        "--set=modelServers.triton.repository.path=/models",
    ],
)
async def test_values_that_cannot_work_are_refused(wrong: str) -> None:
    status, output = await render_chart(wrong)
    assert status != 0, output
    assert "values don't meet the specifications of the schema" in output


async def test_what_workers_may_reach_arrives_at_the_operator() -> None:
    rule = '{"to":[{"ipBlock":{"cidr":"203.0.113.0/24"}}]}'
    status, rendered = await render_chart(
        f"--set-json=worker.networkPolicy.egress=[{rule}]",
        "--set=worker.podMonitor.labels.release=prometheus",
        "--set=worker.otlpEndpoint=http://collector:4318",
        "--show-only=templates/deployment.yaml",
    )
    assert status == 0, rendered
    (container,) = yaml.safe_load(rendered)["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    network = json.loads(env["SWITCHBOARD_WORKER_NETWORK_POLICY"])
    assert network.pop("metricsFrom") == network.pop("twilioFrom") == []
    assert network == {"enabled": True, "egress": [json.loads(rule)]}
    monitor = json.loads(env["SWITCHBOARD_WORKER_POD_MONITOR"])
    assert monitor["labels"] == {"release": "prometheus"}
    assert env["SWITCHBOARD_WORKER_OTLP_ENDPOINT"] == "http://collector:4318"


async def test_the_operators_own_pod_is_taken_under_restricted_pod_security(
    bare_system: System,
) -> None:
    status, rendered = await render_chart("--show-only=templates/deployment.yaml")
    assert status == 0, rendered
    template = yaml.safe_load(rendered)["spec"]["template"]
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await bare_system.put(NAMESPACE, {"metadata": {"name": "guarded", "labels": labels}})
    account = {"name": template["spec"]["serviceAccountName"], "namespace": "guarded"}
    await bare_system.put(SERVICE_ACCOUNT, {"metadata": account})
    meta = template["metadata"] | {"name": "operator", "namespace": "guarded"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    made = await bare_system.kube.create(POD, pod)
    await bare_system.kube.delete(POD, made)
    del pod["spec"]["containers"][0]["securityContext"]
    with pytest.raises(KubeApiError, match="violates PodSecurity"):
        await bare_system.kube.create(POD, pod)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("va.spec", ["persona", "dialog", "Phone numbers answered, E.164"]),
        ("va.spec.limits.maxCallSeconds", ["Longest call", "<integer>"]),
        ("va.spec.scaling", ["Fewest worker pods", "callsPerWorker"]),
        ("va.status.conditions", ["Accepted, NumbersBound", "ScalingReady"]),
        ("ten.spec.sip.ingress", ["allowedAddresses", "Codecs that calls may use"]),
        ("ten.spec.quotas", ["Calls at once over all its VoiceAgents"]),
    ],
)
async def test_kubectl_explain_has_words_for_what_a_user_looks_up(
    bare_system: System, field: str, said: list[str]
) -> None:
    status, output = await bare_system.kubectl("explain", field)
    assert status == 0, output
    shown = " ".join(output.split())
    assert [words for words in said if words not in shown] == []


async def test_secrets_are_never_in_the_deployment() -> None:
    status, rendered = await render_chart(
        "--set=livekit.existingSecret=",
        "--set=livekit.apiKey=key",
        "--set=livekit.apiSecret=hunter2",
        "--show-only=templates/deployment.yaml",
    )
    assert status == 0, rendered
    assert "hunter2" not in rendered


async def test_the_operator_may_not_touch_what_it_does_not_need(bare_system: System) -> None:
    config = f"--kubeconfig={bare_system.operator_kubeconfig}"
    for verb, resource in (
        ("create", "pods"),
        ("delete", "namespaces"),
        ("update", "customresourcedefinitions"),
        ("create", "clusterroles"),
        ("delete", "voiceagents.switchboard.dev"),
        ("escalate", "roles"),
        ("impersonate", "users"),
    ):
        _, answer = await tool("kubectl", config, "auth", "can-i", verb, resource, "-A")
        assert answer.strip().endswith("no"), f"{verb} {resource}: {answer}"
