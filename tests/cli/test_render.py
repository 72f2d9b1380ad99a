"""`switchboard render`: what the operator would make, or refuse, of files."""

import base64
import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from switchboard_cli.render import app
from switchboard_cli.rendering.platform import VALUES
from tests.operator.samples import SCRIPT

_ROOT = Path(__file__).parents[2]
_SAMPLES = _ROOT / "manifests" / "samples"
_TENANCY = """
apiVersion: v1
kind: Namespace
metadata: {name: clinic, labels: {switchboard.dev/tenant: clinic}}
---
apiVersion: switchboard.dev/v1alpha1
kind: Tenant
metadata: {name: clinic}
spec: %s
"""
_AGENT = """
---
apiVersion: switchboard.dev/v1alpha1
kind: VoiceAgent
metadata: {name: %s, namespace: clinic}
spec:
  numbers: ["+15550100"]
  persona: {name: Ann}
  dialog: %s
"""
_INLINE = json.dumps({"inline": SCRIPT})


def _render(folder: Path, text: str, *options: str) -> Result:
    file = folder / "in.yaml"
    file.write_text(text, "utf-8")
    return CliRunner().invoke(app, ["-f", str(file), *options])


def test_the_samples_become_every_object_of_a_pool() -> None:
    done = CliRunner().invoke(app, ["-f", str(_SAMPLES), "--livekit"])
    assert done.exit_code == 0, done.output
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout)]
    assert kinds[0] == "ConfigMap"
    assert {"Deployment", "Service", "Secret", "PodDisruptionBudget"} <= set(kinds)
    assert kinds[-2:] == ["LiveKitInboundTrunk", "LiveKitDispatchRule"]


def test_a_refusal_is_said_in_the_operators_words_and_ends_with_1(tmp_path: Path) -> None:
    done = _render(tmp_path, _AGENT % ("desk", _INLINE))
    assert done.exit_code == 1
    assert "refused: VoiceAgent clinic/desk: TenantNotAssigned: namespace clinic" in done.stderr
    assert "kubectl label namespace clinic" in done.stderr


def test_of_two_agents_with_one_number_the_first_in_the_file_has_it(tmp_path: Path) -> None:
    both = _TENANCY % "{}" + _AGENT % ("desk", _INLINE) + _AGENT % ("night", _INLINE)
    done = _render(tmp_path, both)
    assert done.exit_code == 1
    assert "VoiceAgent clinic/night: NumberTaken" in done.stderr
    assert "# VoiceAgent clinic/desk" in done.stdout


def test_config_maps_and_secrets_of_the_files_are_read(tmp_path: Path) -> None:
    digest = "{sip: {ingress: {digestSecretRef: {name: carrier}}}}"
    agent = _AGENT % ("desk", "{configMapRef: {name: script, key: dialog}}")
    text = _TENANCY % digest + agent
    done = _render(tmp_path, text)
    assert "there is no ConfigMap script in namespace clinic" in done.stderr
    script = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "script"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "carrier"}}
    more = [
        {**script, "data": {"dialog": json.dumps(SCRIPT)}},
        {**secret, "stringData": {"username": "u", "password": "p4ssw0rd"}},
    ]
    done = _render(tmp_path, text + "---\n" + yaml.safe_dump_all(more), "-n", "clinic", "--livekit")
    assert done.exit_code == 0, done.output
    assert "auth_username: u" in done.stdout
    assert "auth_password: <hidden>" in done.stdout
    assert "p4ssw0rd" not in done.stdout


def test_values_of_the_chart_are_the_settings(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    livekit = {"apiSecret": "s3cret", "workerUrl": "wss://calls.example"}
    values.write_text(
        yaml.safe_dump(
            {
                "livekit": livekit,
                "worker": {"image": "my/agent:2", "networkPolicy": {"enabled": False}},
            }
        )
    )
    text = _TENANCY % "{}" + _AGENT % ("desk", _INLINE)
    done = _render(tmp_path, text, "--settings", str(values))
    assert done.exit_code == 0, done.output
    assert "image: my/agent:2" in done.stdout
    assert "wss://calls.example" in done.stdout
    assert base64.b64encode(b"s3cret").decode() in done.stdout
    assert "NetworkPolicy" not in done.stdout
    values.write_text("metrics: {provider: guess}")
    wrong = _render(tmp_path, text, "--settings", str(values))
    assert (wrong.exit_code, "must be one of builtin" in wrong.stderr) == (1, True)


def test_kinds_that_not_every_cluster_has_are_printed_when_asked_for(tmp_path: Path) -> None:
    text = _TENANCY % "{}" + _AGENT % ("desk", _INLINE)
    assert "PodMonitor" not in _render(tmp_path, text).stdout
    assert "PodMonitor" in _render(tmp_path, text, "--api", "monitoring.coreos.com").stdout


def test_worker_pools_of_a_tenant_are_rendered_with_it(tmp_path: Path) -> None:
    pools = "{workerPools: [{name: day}]}"
    agent = _AGENT % ("desk", _INLINE) + "  workerPool: day\n"
    done = _render(tmp_path, _TENANCY % pools + agent, "--operator-namespace", "voice")
    assert done.exit_code == 0, done.output
    assert "# Tenant clinic, worker pool day" in done.stdout
    found = [d for d in yaml.safe_load_all(done.stdout) if d["kind"] == "Deployment"]
    assert [d["metadata"]["namespace"] for d in found] == ["voice"]


def test_a_model_server_is_rendered_once_for_all_that_ask(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"modelServers": {"gpuProfiles": {"small": {}}}}))
    server = "{name: chat, engine: vllm, model: m, gpuProfile: small, replicas: %d}"
    asks = "  modelServers: [" + server + "]\n"
    second = (_AGENT % ("night", _INLINE)).replace("+15550100", "+15550101") + asks % 2
    text = _TENANCY % "{}" + _AGENT % ("desk", _INLINE) + asks % 1 + second
    refused = _render(tmp_path, text)
    assert (refused.exit_code, "gpuProfile" in refused.stderr) == (1, True)
    done = _render(tmp_path, text, "--settings", str(values))
    assert done.exit_code == 0, done.output
    assert done.stdout.count("# Model server vllm-m-small") == 1
    deployments = [d for d in yaml.safe_load_all(done.stdout) if d["kind"] == "Deployment"]
    (found,) = [d for d in deployments if d["metadata"]["name"].startswith("vllm")]
    assert (found["spec"]["replicas"], found["metadata"]["namespace"]) == (2, "switchboard-system")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read"),
        ("- 1", "no Kubernetes object"),
        ("kind: VoiceAgent", "has no name"),
        ("{apiVersion: v1, kind: Tenant, metadata: {name: t}}", "apiVersion must be switchboard"),
        (_AGENT % ("desk", "{}") + _AGENT % ("desk", "{}"), "is there twice"),
        (_AGENT % ("Desk", "{}"), "the name must be a DNS label"),
        (_AGENT % ("d" * 41, "{}"), "at most 40 characters"),
        (_TENANCY % "{}", "there is no VoiceAgent"),
    ],
)
def test_files_that_cannot_be_rendered_say_why(tmp_path: Path, text: str, why: str) -> None:
    done = _render(tmp_path, text)
    assert done.exit_code == 1
    assert why in done.stderr


def test_other_objects_are_named_and_left_alone(tmp_path: Path) -> None:
    other = "---\n{apiVersion: v1, kind: Service, metadata: {name: web}}\n"
    done = _render(tmp_path, _TENANCY % "{}" + _AGENT % ("desk", _INLINE) + other)
    assert done.exit_code == 0
    assert "not looked at: Service/web" in done.stderr


def test_the_settings_are_those_of_the_chart() -> None:
    """Every value that the chart gives the operator's workers is known to render, and no other."""
    chart = (_ROOT / "charts/switchboard/templates/deployment.yaml").read_text()
    pairs = re.findall(
        r"name: (SWITCHBOARD_(?:WORKER|LIVEKIT|METRICS)_\w+)[,\s]+value: \{\{ \.Values\.([\w.]+)",
        chart,
    )
    given = {name: path for name, path in pairs if name != "SWITCHBOARD_LIVEKIT_POLL_SECONDS"}
    assert len(given) > 10
    assert {name: VALUES.get(name) for name in given} == given
    from_secrets = {"SWITCHBOARD_LIVEKIT_API_KEY", "SWITCHBOARD_LIVEKIT_API_SECRET"}
    from_secrets.add("SWITCHBOARD_REDIS_URL")
    assert VALUES.keys() - from_secrets == given.keys()
