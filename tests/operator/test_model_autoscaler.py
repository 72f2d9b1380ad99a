"""What scales a model server, when it is made, and that nobody fights it for the number."""

import dataclasses
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from switchboard_operator.autoscaling import Autoscaling
from switchboard_operator.desired.models import autoscaler
from switchboard_operator.heartbeats import Heartbeats
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.metrics_api.registration import Registration
from switchboard_operator.settings import MetricsProvider, MetricsSettings
from tests.operator.model_samples import OPERATOR, ModelWorld, ask, server, whisper

SCALED = ask(replicas=2, maxReplicas=4)
NAME = server(SCALED).name


def _built(asked: Object, provider: MetricsProvider) -> tuple[Kind, Object]:
    ((kind, obj),) = autoscaler.build(server(asked), MetricsSettings(provider=provider))
    return kind, obj["spec"]


def test_a_fixed_number_has_no_autoscaler() -> None:
    for asked in (ask(), ask(replicas=3), ask(replicas=3, maxReplicas=3)):
        assert autoscaler.build(server(asked), MetricsSettings()) == ()


def test_builtin_scales_by_the_calls_that_ask_the_server() -> None:
    kind, spec = _built(SCALED, MetricsProvider.BUILTIN)
    assert kind is HORIZONTAL_POD_AUTOSCALER
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 4)
    (signal,) = spec["metrics"]
    assert signal["external"]["metric"] == {
        "name": "switchboard_model_server_calls",
        "selector": {"matchLabels": {"switchboard.dev/model-server": NAME}},
    }
    assert signal["external"]["target"] == {"type": "AverageValue", "averageValue": "16"}


@pytest.mark.parametrize(
    ("asked", "metric"),
    [(SCALED, "vllm:num_requests_waiting"), (whisper(maxReplicas=2), autoscaler.TRITON_WAITING)],
)
def test_an_adapter_scales_by_what_waits_in_the_server(asked: Object, metric: str) -> None:
    _, spec = _built(asked, MetricsProvider.PROMETHEUS_ADAPTER)
    (signal,) = spec["metrics"]
    assert signal["external"]["metric"]["name"] == metric
    selector = signal["external"]["metric"]["selector"]["matchLabels"]
    assert selector == {"switchboard_dev_model_server": server(asked).name}


def test_keda_asks_the_operator() -> None:
    kind, spec = _built(SCALED, MetricsProvider.KEDA)
    assert kind is SCALED_OBJECT
    (trigger,) = spec["triggers"]
    assert trigger["metadata"] == {
        "url": "http://switchboard-operator.switchboard-system.svc:8080/model-servers/"
        f"{OPERATOR}/{NAME}",
        "valueLocation": "calls",
        "targetValue": "16",
    }


async def _world(*asks: Object, problem: str = "") -> ModelWorld:
    """Return a world whose model servers are scaled, unless there is a problem."""
    made = ModelWorld()
    registration = Registration(made.kube, None)
    registration.problem = problem
    heartbeats = Heartbeats(cast("Redis", None), lambda: 0.0)
    scaling = Autoscaling(MetricsProvider.BUILTIN, heartbeats, registration, made.discovery)
    made.context = dataclasses.replace(made.context, autoscaling=scaling)
    made.tenant_agent("smile-dental", *asks)
    await made.open()
    await made.settle()
    return made


def _has_autoscaler(made: ModelWorld) -> bool:
    return (HORIZONTAL_POD_AUTOSCALER, OPERATOR, NAME) in made.kube.objects


def _replicas(made: ModelWorld) -> int:
    return int(made.servers()[NAME]["spec"]["replicas"])


async def _scaled_to(made: ModelWorld, number: int, **status: Any) -> None:  # noqa: ANN401
    deployment = made.place(DEPLOYMENT, NAME)
    spec = deployment["spec"] | {"replicas": number}
    made.kube.put(DEPLOYMENT, deployment | {"spec": spec, "status": status})
    await made.look(NAME)


async def test_an_autoscaler_is_made_and_goes_with_the_range() -> None:
    made = await _world(SCALED)
    assert _has_autoscaler(made)
    made.tenant_agent("smile-dental", ask(replicas=2))
    await made.settle()
    assert not _has_autoscaler(made)


async def test_the_number_is_the_autoscalers_inside_the_range() -> None:
    made = await _world(SCALED)
    assert _replicas(made) == 2
    await _scaled_to(made, 3)
    assert _replicas(made) == 3
    await _scaled_to(made, 9)
    assert _replicas(made) == 4
    writes = len(made.kube.writes)
    await made.look(NAME)
    assert made.kube.writes[writes:] == []


async def test_tenants_share_the_range_and_the_larger_ask_wins() -> None:
    made = await _world(SCALED)
    made.tenant_agent("law-firm", ask(replicas=1, maxReplicas=3), numbers=["+15550111"])
    await made.settle()
    spec = made.place(HORIZONTAL_POD_AUTOSCALER, NAME)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 4)


async def test_two_names_for_one_server_ask_for_the_larger_numbers() -> None:
    made = await _world(ask(replicas=2), ask(name="other", maxReplicas=4))
    spec = made.place(HORIZONTAL_POD_AUTOSCALER, NAME)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 4)


async def test_none_is_made_while_nobody_would_answer_it_and_the_status_says_so() -> None:
    made = await _world(SCALED, problem="nobody serves it")
    assert not _has_autoscaler(made)
    assert _replicas(made) == 2
    await _scaled_to(made, 2, readyReplicas=2)
    assert made.condition("ModelsReady") == "True/ModelsReady"
    said = "llm stays at its number of pods: nobody serves it"
    assert said in made.message("ModelsReady")


async def test_the_status_says_why_an_autoscaler_does_nothing() -> None:
    made = await _world(SCALED)
    await _scaled_to(made, 2, readyReplicas=2)
    found = made.place(HORIZONTAL_POD_AUTOSCALER, NAME)
    stuck = {"type": "ScalingActive", "status": "False", "reason": "FailedGetExternalMetric"}
    status = {"conditions": [stuck | {"message": "no worker has sent a heartbeat"}]}
    made.kube.put(HORIZONTAL_POD_AUTOSCALER, found | {"status": status})
    await made.settle()
    said = "FailedGetExternalMetric: no worker has sent a heartbeat"
    assert said in made.message("ModelsReady")


async def test_more_than_the_profile_grants_is_refused() -> None:
    made = await _world(ask(maxReplicas=5))
    assert made.condition("Accepted") == "False/ModelNotAllowed"
    assert "spec.modelServers[0].maxReplicas: GPU profile l4 allows at most 4" in made.message(
        "Accepted"
    )
