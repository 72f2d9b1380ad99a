"""Golden files of model servers, and what must hold in all of them.

`UPDATE_GOLDEN=1` writes them anew.
"""

import os
import re
from pathlib import Path

import pytest
import yaml

from switchboard_operator.desired.models import network_policy
from switchboard_operator.desired.models.drain import PRE_STOP_SECONDS
from switchboard_operator.desired.models.endpoint import endpoint
from switchboard_operator.desired.models.names import server_name
from switchboard_operator.desired.models.plan import claims, plan
from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import NetworkSettings
from tests.operator.model_samples import ask, platform, server, whisper
from tests.operator.samples import SETTINGS, WORKER

GOLDEN = Path(__file__).parent / "golden_models"
_SPEECH = "registry.example/speech:2"

CASES: dict[str, Server] = {
    "vllm": server(ask()),
    "vllm-two-gpus": server(ask(gpuProfile="h100x2", replicas=3)),
    "vllm-scaled": server(ask(gpuProfile="h100x2", replicas=2, maxReplicas=6)),
    "vllm-claimed": server(ask(gpuProfile="claimed")),
    "vllm-patched": server(ask(gpuProfile="patched")),
    "vllm-colocated": server(ask(placement="Colocated")),
    "triton": server(whisper()),
    "triton-colocated": server(whisper(placement="Colocated")),
    "triton-claim": server(
        whisper(gpuProfile="cpu"),
        platform(triton={"repository": {"claim": "models", "path": "/voice"}}),
    ),
    "triton-oci": server(
        whisper(), platform(triton={"repository": {"oci": _SPEECH}}, imagePullSecret="registry")
    ),
}


def _objects(case: Server) -> list[Object]:
    return [obj for _, obj in (*claims(case), *plan(case, WORKER))]


def _pod(case: Server) -> Object:
    deployment = next(obj for kind, obj in plan(case, WORKER) if kind.kind == "Deployment")
    pod: Object = deployment["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("case", CASES)
def test_plan_is_what_was_reviewed(case: str) -> None:
    text = yaml.safe_dump_all(_objects(CASES[case]), sort_keys=False, width=100)
    path = GOLDEN / f"{case}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("case", CASES)
def test_a_server_that_is_told_to_stop_gets_the_time_to_finish(case: str) -> None:
    pod = _pod(CASES[case])
    (container,) = pod["containers"]
    drain = next(
        int(arg.partition("=")[2])
        for arg in container["args"]
        if re.match(r"--(shutdown-timeout|exit-timeout-secs)=", arg)
    )
    assert pod["terminationGracePeriodSeconds"] > PRE_STOP_SECONDS + drain


@pytest.mark.parametrize("case", CASES)
def test_the_startup_probe_waits_as_long_as_a_model_may_take_to_load(case: str) -> None:
    probe = _pod(CASES[case])["containers"][0]["startupProbe"]
    waits = probe["periodSeconds"] * probe["failureThreshold"]
    assert waits >= CASES[case].settings.load_timeout_seconds


@pytest.mark.parametrize("case", CASES)
def test_names_are_dns_labels_of_a_service(case: str) -> None:
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", CASES[case].name)
    assert len(CASES[case].name) <= 63 - len("-0123456789-abcde")


def test_what_is_shared_makes_the_name_and_nothing_else() -> None:
    one = server(ask()).ask
    same = server(ask(name="other", replicas=3)).ask
    others = [
        ask("Qwen/Qwen3-4B"),
        ask("other/Qwen3-8B"),
        ask(gpuProfile="h100x2"),
        ask(placement="Colocated"),
        ask("Qwen3-8B", engine="triton"),
    ]
    assert server_name(one) == server_name(same)
    found = {server_name(server(other).ask) for other in others}
    assert len(found | {server_name(one)}) == len(others) + 1


def test_the_endpoint_is_the_service() -> None:
    one = server(ask())
    url, model = endpoint(one.ask, SETTINGS)
    assert url == f"http://{one.name}.switchboard-system.svc:8000/v1"
    assert model == "Qwen/Qwen3-8B"
    two = server(whisper())
    assert endpoint(two.ask, SETTINGS) == (
        f"grpc://{two.name}.switchboard-system.svc:8001",
        "whisper",
    )


def test_extra_arguments_come_last_as_they_are() -> None:
    profiles = {"l4": {"vllm": {"extraArgs": ["--dtype=bfloat16"]}}}
    case = server(ask(), platform(gpuProfiles=profiles))
    assert _pod(case)["containers"][0]["args"][-1] == "--dtype=bfloat16"


def test_metrics_are_open_to_the_namespaces_that_may_read_them() -> None:
    from_monitoring = NetworkSettings(metrics_from=("monitoring",))
    for case in (CASES["vllm"], CASES["triton"]):
        policy = network_policy.build(case, from_monitoring)
        (workers, scrapes) = policy["spec"]["ingress"]
        assert "podSelector" in workers["from"][0]
        assert "monitoring" in str(scrapes["from"])
    assert len(network_policy.build(CASES["vllm"], NetworkSettings())["spec"]["ingress"]) == 1
