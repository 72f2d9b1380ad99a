"""What scales a pool, when it is made, what it says, and that nobody fights it for the number."""

import dataclasses
from collections import Counter
from typing import Any, cast

import pytest
from pydantic import ValidationError
from redis.asyncio import Redis

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import Reason
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.autoscaling import Autoscaling
from switchboard_operator.desired import autoscaler, shared_pool
from switchboard_operator.heartbeats import Heartbeats, PoolLoad, Reading
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.metrics_api.registration import Registration
from switchboard_operator.scaling_status import ScalingSeen, scaling_ready
from switchboard_operator.settings import MetricsProvider, MetricsSettings, from_environment
from tests.operator.samples import World, agent, inputs, served_world
from tests.operator.samples import spec as agent_spec

PLACE = ("smile-dental", "reception-worker")


def built(
    provider: MetricsProvider = MetricsProvider.BUILTIN,
    **changes: Any,  # noqa: ANN401  any part of a spec
) -> tuple[Kind, Object]:
    pool = inputs(**changes).pool
    ((kind, obj),) = autoscaler.build(pool, MetricsSettings(provider=provider))
    return kind, obj["spec"]


def test_calls_scale_up_at_once_and_down_one_worker_per_longest_call() -> None:
    kind, spec = built(scaling={"min": 2, "max": 9, "callsPerWorker": 10, "spareCalls": 3})
    assert kind is HORIZONTAL_POD_AUTOSCALER
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    (signal,) = spec["metrics"]
    assert signal["external"]["target"] == {"type": "AverageValue", "averageValue": "8"}
    assert signal["external"]["metric"]["selector"]["matchLabels"] == {
        "switchboard.dev/pool": "smile-dental.reception",
        "switchboard.dev/spare-calls": "3",
    }
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    down = {"type": "Pods", "value": 1, "periodSeconds": 900}
    assert spec["behavior"]["scaleDown"]["policies"] == [down]


def test_the_period_stays_in_the_bounds_of_kubernetes() -> None:
    _, spec = built(limits={"maxCallSeconds": 14_400})
    assert spec["behavior"]["scaleDown"]["policies"][0]["periodSeconds"] == 1800


def test_latency_guards_where_a_target_is_set() -> None:
    _, spec = built(latency={"targetP95Ms": 750})
    assert spec["metrics"][1]["external"]["metric"]["name"].endswith("p95_milliseconds")
    assert spec["metrics"][1]["external"]["target"] == {"type": "Value", "value": "750"}


@pytest.mark.parametrize(("calls", "quantity"), [(1, "800m"), (2, "1600m"), (5, "4"), (20, "16")])
def test_quantities_are_spelt_as_the_api_server_does(calls: int, quantity: str) -> None:
    _, spec = built(scaling={"callsPerWorker": calls})
    assert spec["metrics"][0]["external"]["target"]["averageValue"] == quantity


def test_another_adapter_is_asked_by_the_labels_of_prometheus() -> None:
    _, spec = built(MetricsProvider.PROMETHEUS_ADAPTER, scaling={"spareCalls": 3})
    selector = spec["metrics"][0]["external"]["metric"]["selector"]
    assert selector == {"matchLabels": {"switchboard_dev_pool": "smile-dental.reception"}}


def test_keda_asks_the_operator_itself() -> None:
    kind, spec = built(
        MetricsProvider.KEDA,
        scaling={"callsPerWorker": 10, "spareCalls": 3},
        latency={"targetP95Ms": 750},
    )
    assert kind is SCALED_OBJECT
    calls, latency = spec["triggers"]
    assert calls["metadata"]["url"].endswith("/pools/smile-dental/smile-dental.reception?spare=3")
    assert (calls["metadata"]["targetValue"], calls["metricType"]) == ("8", "AverageValue")
    assert (latency["metadata"]["valueLocation"], latency["metricType"]) == ("p95TurnMs", "Value")


@pytest.mark.parametrize(
    ("provider", "remedy"),
    [
        (MetricsProvider.KEDA, "install KEDA"),
        (MetricsProvider.PROMETHEUS_ADAPTER, "install prometheus-adapter"),
    ],
)
async def test_a_provider_that_is_not_there_is_said(provider: MetricsProvider, remedy: str) -> None:
    made = await world("", scaling={"min": 1, "max": 2})
    assert made.context.autoscaling is not None
    asked = dataclasses.replace(made.context.autoscaling, provider=provider)
    assert remedy in asked.problem
    made.kube.served.add(SCALED_OBJECT)
    made.kube.served.add(Kind(autoscaler.GROUP, autoscaler.VERSION, "", "any", optional=True))
    await made.discovery.refresh()
    assert not asked.problem


def test_a_fixed_number_of_workers_has_no_autoscaler() -> None:
    pool = inputs(scaling={"min": 3, "max": 3}).pool
    assert autoscaler.build(pool, MetricsSettings()) == ()


def test_the_provider_is_a_setting() -> None:
    required = {
        "SWITCHBOARD_LIVEKIT_API_URL": "http://a",
        "SWITCHBOARD_LIVEKIT_WORKER_URL": "ws://a",
        "SWITCHBOARD_LIVEKIT_API_KEY": "k",
        "SWITCHBOARD_LIVEKIT_API_SECRET": "s",
        "SWITCHBOARD_REDIS_URL": "redis://a",
        "SWITCHBOARD_WORKER_IMAGE": "i",
    }
    chosen = from_environment(required | {"SWITCHBOARD_METRICS_PROVIDER": "keda"})
    assert chosen.worker.metrics.provider is MetricsProvider.KEDA


# --- when it is made, and whose the number is -----------------------------------------------


async def world(problem: str, **changes: Any) -> World:  # noqa: ANN401
    made = await served_world(**changes)
    registration = Registration(made.kube, None)
    registration.problem = problem
    heartbeats = Heartbeats(cast("Redis", None), lambda: 0.0)
    autoscaling = Autoscaling(MetricsProvider.BUILTIN, heartbeats, registration, made.discovery)
    made.context = dataclasses.replace(made.context, autoscaling=autoscaling)
    return await look(made, **changes)


async def look(made: World, **changes: Any) -> World:  # noqa: ANN401
    suspend = not made.seen()["spec"].get("suspend", False)
    made.kube.put(VOICE_AGENT, {**made.seen(), **agent(**changes, suspend=suspend)})
    made.kube.objects[VOICE_AGENT, "smile-dental", "reception"]["spec"]["suspend"] = False
    await made.settle()
    return made


def scale(made: World, number: int) -> None:
    deployment = made.kube.objects[DEPLOYMENT, *PLACE]
    deployment["spec"]["replicas"] = number
    made.kube.put(DEPLOYMENT, deployment)


def replicas(made: World) -> int:
    return int(made.kube.objects[DEPLOYMENT, *PLACE]["spec"]["replicas"])


async def test_none_is_made_while_nobody_would_answer_it() -> None:
    made = await world("nobody serves it")
    assert (HORIZONTAL_POD_AUTOSCALER, *PLACE) not in made.kube.objects
    assert made.condition("ScalingReady") == "False/AutoscalerMissing"
    assert "nobody serves it" in made.message("ScalingReady")


async def test_one_that_exists_stays_while_the_answer_is_away() -> None:
    made = await world("")
    assert (HORIZONTAL_POD_AUTOSCALER, *PLACE) in made.kube.objects
    assert made.context.autoscaling is not None
    made.context.autoscaling.registration.problem = "away"
    await look(made)
    assert (HORIZONTAL_POD_AUTOSCALER, *PLACE) in made.kube.objects
    assert made.condition("ScalingReady") == "False/MetricsUnavailable"


async def test_the_number_is_the_autoscalers_inside_its_range() -> None:
    made = await world("", scaling={"min": 2, "max": 5})
    scale(made, 2)  # the autoscaler wants just the minimum
    await look(made, scaling={"min": 1, "max": 5})
    assert replicas(made) == 2
    await look(made, scaling={"min": 3, "max": 5})
    assert replicas(made) == 3


async def test_calls_are_the_workers_word_and_the_rooms_without_it() -> None:
    made = await world("")
    assert made.context.autoscaling is not None
    made.mirror.calls = Counter({"smile-dental/reception": 1})
    await look(made)
    assert made.seen()["status"]["activeCalls"] == 1
    heartbeats = made.context.autoscaling.heartbeats
    load = PoolLoad("smile-dental", calls=4, capacity=20, workers=2)
    reading = Reading({"smile-dental.reception": load}, Counter({"smile-dental/reception": 5}))
    heartbeats._reading, heartbeats._read_at = reading, 0.0
    await look(made)
    status = made.seen()["status"]
    assert (status["activeCalls"], status["capacity"]) == (5, 20)


# --- what is said ---------------------------------------------------------------------------

FINE: Object = {
    "metadata": {"name": "a-worker"},
    "status": {"conditions": [{"type": "ScalingActive", "status": "True", "reason": "V"}]},
}
SEEN = ScalingSeen(MetricsProvider.BUILTIN, "", FINE, "n.a", PoolLoad("n", workers=1), 5)


def hpa(name: str, status: str, reason: str) -> Object:
    more = {"type": name, "status": status, "reason": reason, "message": "because"}
    return {**FINE, "status": {"conditions": [*FINE["status"]["conditions"], more]}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, Reason.SCALING_READY),
        ({"spare_calls": 4, "provider": MetricsProvider.PROMETHEUS_ADAPTER}, Reason.SCALING_READY),
        ({"autoscaler": None}, Reason.AUTOSCALER_MISSING),
        ({"problem": "gone"}, Reason.METRICS_UNAVAILABLE),
        ({"load": None}, Reason.NO_SAMPLES),
        ({"load": PoolLoad("n", draining_calls=1)}, Reason.NO_SAMPLES),
        ({"load": None, "provider": MetricsProvider.KEDA}, Reason.SCALING_READY),
        ({"autoscaler": {"metadata": {"name": "a"}}}, Reason.PENDING),
        ({"autoscaler": hpa("AbleToScale", "False", "X")}, Reason.METRICS_UNAVAILABLE),
        ({"autoscaler": hpa("ScalingLimited", "True", "TooManyReplicas")}, Reason.AT_MAXIMUM),
        ({"autoscaler": hpa("ScalingLimited", "True", "ScaleDownLimit")}, Reason.SCALING_READY),
    ],
)
def test_scaling_ready_says_why_not(changes: dict[str, Any], reason: Reason) -> None:
    found = scaling_ready(dataclasses.replace(SEEN, **changes))
    assert found.reason is reason
    assert (found.status is ConditionStatus.TRUE) == (reason is Reason.SCALING_READY)


def test_spare_calls_that_an_adapter_cannot_count_are_said_to_be_not_counted() -> None:
    adapter = MetricsProvider.PROMETHEUS_ADAPTER
    said = scaling_ready(dataclasses.replace(SEEN, spare_calls=4, provider=adapter)).message
    assert "scaling.spareCalls (4) is not counted" in said
    for counts in (MetricsProvider.BUILTIN, MetricsProvider.KEDA):
        seen = dataclasses.replace(SEEN, spare_calls=4, provider=counts)
        assert "spareCalls" not in scaling_ready(seen).message
    nothing = dataclasses.replace(SEEN, provider=adapter)
    assert "spareCalls" not in scaling_ready(nothing).message


def test_turn_latency_of_a_shared_pool_adds_workers_to_it() -> None:
    owner = TenantSpec.model_validate(
        {"workerPools": [{"name": "front", "latency": {"targetP95Ms": 800}}]}
    )
    pool = shared_pool.build("clinic", "uid", owner, owner.worker_pools[0], "system")
    ((_, made),) = autoscaler.build(pool, MetricsSettings())
    latency = made["spec"]["metrics"][1]["external"]
    assert latency["metric"]["selector"]["matchLabels"] == {"switchboard.dev/pool": "clinic_front"}
    assert latency["target"] == {"type": "Value", "value": "800"}


def test_an_agent_of_a_shared_pool_has_no_latency_target_of_its_own() -> None:
    with pytest.raises(ValidationError, match="set the pool's"):
        VoiceAgentSpec.model_validate(agent_spec(workerPool="front", latency={"targetP95Ms": 800}))


def test_where_workers_find_out_what_they_hold_the_signal_is_how_many_the_calls_need() -> None:
    auto = {"min": 1, "max": 9, "callsPerWorker": "auto", "spareCalls": 3}
    _, spec = built(scaling=auto)
    (signal,) = spec["metrics"]
    assert signal["external"]["metric"]["name"] == "switchboard_workers_needed"
    assert signal["external"]["metric"]["selector"]["matchLabels"] == {
        "switchboard.dev/pool": "smile-dental.reception",
        "switchboard.dev/spare-calls": "3",
    }
    assert signal["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}
    _, keda = built(MetricsProvider.KEDA, scaling=auto)
    (trigger,) = keda["triggers"]
    assert trigger["metadata"]["valueLocation"] == "workersNeeded"
    assert trigger["metadata"]["targetValue"] == "1"
