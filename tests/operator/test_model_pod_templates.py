"""The platform's pod templates for model servers: merged, and held to what agents are promised."""

from typing import Any

import pytest

from switchboard_operator.desired.models import deployment, pod_templates
from switchboard_operator.errors import SettingsError
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import ModelServerSettings
from tests.operator.model_samples import ask, platform, server


def _with(template: object, engine: str = "vllm", **changes: Any) -> ModelServerSettings:  # noqa: ANN401
    return platform(gpuProfiles={"l4": {"podTemplates": {engine: template}}}, **changes)


def _container(**changes: Any) -> Object:  # noqa: ANN401
    return {"spec": {"containers": [{"name": "vllm"} | changes]}}


def test_the_samples_are_fine() -> None:
    pod_templates.check(platform())


def test_a_template_is_merged_by_the_names_of_its_entries() -> None:
    limits = {"resources": {"limits": {"memory": "24Gi"}}}
    settings = _with(_container(**limits))
    pod_templates.check(settings)
    built = deployment.build(server(ask(), settings))["spec"]["template"]["spec"]
    (container,) = built["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "24Gi"}
    assert container["args"][0] == "Qwen/Qwen3-8B"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"metadata": {"labels": {"switchboard.dev/model-server": "x"}}}, ".metadata.labels"),
        ({"spec": {"terminationGracePeriodSeconds": 30}}, "below 75 s, which finishing requests"),
        ({"spec": {"restartPolicy": "Never"}}, ".spec.restartPolicy"),
        (_container(**{"$patch": "delete"}), "the container vllm is the server"),
        (_container(args=["--port=1"]), ".spec.containers[vllm].args: made from the profile"),
        (_container(lifecycle=None), ".spec.containers[vllm].lifecycle"),
        (
            _container(ports=[{"containerPort": 8000, "name": "api"}]),
            ".spec.containers[vllm].ports: agents and probes",
        ),
        (
            _container(readinessProbe={"httpGet": {"path": "/health"}}),
            ".spec.containers[vllm].readinessProbe.httpGet: tells that the model answers",
        ),
        ({"specs": {}}, ".specs: unknown field"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_operator_promises_cannot_be_taken_away(template: Object, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        pod_templates.check(_with(template))
    assert str(error.value).startswith("modelServers.gpuProfiles.l4.podTemplates.vllm")
    assert said in str(error.value)


def test_the_timing_of_probes_may_be_changed() -> None:
    pod_templates.check(_with(_container(readinessProbe={"periodSeconds": 1})))


def test_a_template_for_triton_is_checked_too() -> None:
    wrong = {"spec": {"containers": [{"name": "triton", "command": ["sh"]}]}}
    with pytest.raises(SettingsError, match=r"podTemplates\.triton.*command"):
        pod_templates.check(_with(wrong, "triton"))
