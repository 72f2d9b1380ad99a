"""The objects around worker pods: what each promises, and what settings change in them."""

import dataclasses
from typing import Any

import pytest

from switchboard_operator.desired import deployment, network_policy, pod_monitor, workers
from switchboard_operator.desired.deployment import SAFE_TO_EVICT
from switchboard_operator.desired.pool import Pool
from switchboard_operator.errors import SettingsError
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    NAMESPACE,
    NETWORK_POLICY,
    POD_MONITOR,
    TENANT,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import MonitorSettings, NetworkSettings, from_environment
from tests.operator.samples import WORKER, World, inputs, namespace, tenant

ENVIRONMENT = {
    "SWITCHBOARD_LIVEKIT_API_URL": "http://livekit:7880",
    "SWITCHBOARD_LIVEKIT_WORKER_URL": "ws://livekit:7880",
    "SWITCHBOARD_LIVEKIT_API_KEY": "key",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "secret",
    "SWITCHBOARD_REDIS_URL": "redis://redis",
    "SWITCHBOARD_WORKER_IMAGE": "agent:1",
}


def _pool(**changes: Any) -> Pool:  # noqa: ANN401  any part of a spec
    return inputs(**changes).pool


def test_only_probes_and_metrics_can_reach_a_worker() -> None:
    spec = network_policy.build(_pool(), NetworkSettings())["spec"]
    assert spec["policyTypes"] == ["Ingress"], "outgoing connections are open unless named"
    assert spec["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_metrics_can_be_kept_for_some_namespaces() -> None:
    spec = network_policy.build(_pool(), NetworkSettings(metrics_from=("monitoring",)))["spec"]
    (peer,) = spec["ingress"][0]["from"]
    labels = peer["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": "monitoring"}


def test_named_destinations_always_come_with_dns() -> None:
    livekit: Object = {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}
    spec = network_policy.build(_pool(), NetworkSettings(egress=(livekit,)))["spec"]
    dns, named = spec["egress"]
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert named == livekit


def test_a_monitor_never_loses_the_labels_it_is_found_by() -> None:
    labels = (("app.kubernetes.io/managed-by", "somebody"), ("release", "prometheus"))
    monitor = pod_monitor.build(_pool(), MonitorSettings(labels=labels, interval="15s"))
    assert monitor["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "switchboard"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["podMetricsEndpoints"][0]["interval"] == "15s"


def test_policy_and_monitor_can_be_switched_off() -> None:
    settings = dataclasses.replace(
        WORKER, network=NetworkSettings(enabled=False), monitor=MonitorSettings(enabled=False)
    )
    kinds = {kind for kind, _ in workers.build(_pool(), settings)}
    assert not kinds & {NETWORK_POLICY, POD_MONITOR}


@pytest.mark.parametrize(("seconds", "said"), [(570, "true"), (571, "false")])
def test_nodes_are_emptied_only_where_the_autoscaler_waits_for_calls(
    seconds: int, said: str
) -> None:
    template = deployment.pod_template(_pool(limits={"maxCallSeconds": seconds}), WORKER)
    assert template["metadata"]["annotations"][SAFE_TO_EVICT] == said


def test_a_roll_out_may_wait_for_the_longest_call() -> None:
    built = deployment.build(_pool(limits={"maxCallSeconds": 14_400}), WORKER)["spec"]
    grace = built["template"]["spec"]["terminationGracePeriodSeconds"]
    assert built["progressDeadlineSeconds"] > grace > 14_400
    assert built["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_placement_reaches_the_pod_without_empty_fields() -> None:
    placement = {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "voice", "operator": "Exists"}],
        "topologyKey": "topology.kubernetes.io/zone",
    }
    pod = deployment.pod_template(_pool(placement=placement), WORKER)["spec"]
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["tolerations"] == [{"key": "voice", "operator": "Exists"}]
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"


def test_the_chart_says_it_in_json() -> None:
    network = '{"enabled": true, "metricsFrom": ["monitoring"], "egress": [{"ports": []}]}'
    monitor = '{"enabled": false, "labels": {"release": "p"}, "interval": "30s"}'
    worker = from_environment(
        ENVIRONMENT
        | {
            "SWITCHBOARD_WORKER_NETWORK_POLICY": network,
            "SWITCHBOARD_WORKER_POD_MONITOR": monitor,
        }
    ).worker
    assert worker.network == NetworkSettings(metrics_from=("monitoring",), egress=({"ports": []},))
    assert worker.monitor == MonitorSettings(
        enabled=False, labels=(("release", "p"),), interval="30s"
    )


@pytest.mark.parametrize("text", ["{", "[]", "no"])
def test_a_setting_that_is_no_json_object_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="SWITCHBOARD_WORKER_POD_MONITOR must be a JSON object"):
        from_environment(ENVIRONMENT | {"SWITCHBOARD_WORKER_POD_MONITOR": text})


async def test_a_tenants_pool_with_a_harmful_template_is_left_as_it_was() -> None:
    world = World()
    good = {"name": "front"}
    world.users_put((TENANT, tenant(workerPools=[good])), (NAMESPACE, namespace()))
    await world.open()
    await world.settle()
    before = _deployments(world)
    assert len(before) == 1
    harmful = good | {"podTemplate": {"spec": {"restartPolicy": "Never"}}}
    world.users_put((TENANT, tenant(workerPools=[harmful])))
    await world.settle()
    assert _deployments(world) == before
    (ready,) = world.kube.objects[TENANT, "", "smile-dental"]["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert ready["message"].startswith("spec.workerPools[front].podTemplate.spec.restartPolicy")


def _deployments(world: World) -> list[Object]:
    return [obj["spec"] for place, obj in world.kube.objects.items() if place[0] is DEPLOYMENT]
