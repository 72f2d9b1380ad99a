"""The `switchboard` command against a real API server, operator and LiveKit."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
import yaml
from click.testing import CliRunner, Result

from switchboard_cli import pause, render, report, rollout, status
from switchboard_contract import names
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate
from switchboard_operator.kube.kinds import (
    CHILDREN,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    TENANT,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import APPLIED_HASH, Object, name_of
from switchboard_operator.sip.wire import agent_of
from tests.operator.samples import SCRIPT, agent, namespace, tenant
from tests.operator.system import ROOT, System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

EVENT = Kind("", "v1", "Event", "events")
SAMPLES = ROOT / "manifests" / "samples"
_KINDS = {k.kind: k for k in (NAMESPACE, TENANT, VOICE_AGENT, CONFIG_MAP, SECRET)}


async def _run(system: System, command: click.Command, *args: str) -> Result:
    config = ["--kubeconfig", str(system.plane.kubeconfig_path)]
    return await asyncio.to_thread(CliRunner().invoke, command, [*args, *config])


async def _ok(system: System, command: click.Command, *args: str) -> str:
    done = await _run(system, command, *args)
    assert done.exit_code == 0, done.output
    return done.stdout


async def _dispatched(system: System, key: str) -> DispatchMetadata:
    (rule,) = [r for r in await system.sip.list_rules() if agent_of(r.metadata) == key]
    return DispatchMetadata.model_validate_json(rule.room_config.agents[0].metadata)


async def _change(system: System, where: str, **spec: Any) -> None:  # noqa: ANN401
    seen = await system.kube.get(VOICE_AGENT, where, "reception")
    patch = {"spec": spec}
    await system.kube.patch(VOICE_AGENT, where, "reception", patch)

    async def looked_at() -> bool:
        now = await system.kube.get(VOICE_AGENT, where, "reception")
        newer: bool = now["metadata"]["generation"] > seen["metadata"]["generation"]
        return newer and now["status"]["observedGeneration"] == now["metadata"]["generation"]

    await until(looked_at, "the change is looked at")


async def test_status_shows_what_is_wrong_and_what_to_do(system: System) -> None:
    await system.tenant_with_namespace("cli-status", displayName="Clinic of Status")
    await system.serve("cli-status", "+15551201")
    await system.put(NAMESPACE, namespace("cli-nobody", None))
    await system.put(VOICE_AGENT, agent("lost", "cli-nobody", numbers=["+15551202"]))
    await system.condition("cli-nobody", "Accepted", "False/TenantNotAssigned", "lost")
    everybody = await _ok(system, status.app, "-A")
    assert "cli-status" in everybody
    assert "kubectl label namespace cli-nobody" in everybody
    one = await _ok(system, status.app, "cli-status/reception")
    assert "+ SIPReady" in one
    assert "Tenant      cli-status (Clinic of Status)" in one
    assert "Numbers     +15551201" in one
    machine = json.loads(
        await _ok(system, status.app, "reception", "-n", "cli-status", "-o", "json")
    )
    assert (machine["tenant"], machine["bound"]) == ("cli-status", ["+15551201"])
    listed = json.loads(await _ok(system, status.app, "-n", "cli-status", "-o", "json"))
    assert [view["name"] for view in listed["voiceAgents"]] == ["reception"]


async def test_errors_name_the_remedy(system: System) -> None:
    missing = await _run(system, status.app, "nobody", "-n", "default")
    assert missing.exit_code == 1
    assert "'switchboard status -A' lists all of them" in missing.output
    context = await _run(system, status.app, "--context", "elsewhere")
    assert (context.exit_code, "known: switchboard-local" in context.output) == (1, True)


async def test_an_undo_serves_the_old_revision_until_it_is_resumed(system: System) -> None:
    where, key = "cli-rollout", "cli-rollout/reception"
    await system.tenant_with_namespace(where)
    await system.serve(where, "+15551203")
    first = (await _dispatched(system, key)).revision
    await _change(system, where, persona={"name": "Bea", "business": "Smile Dental"})
    second = (await _dispatched(system, key)).revision
    text = await _ok(system, rollout.app, "history", key)
    assert text.splitlines()[2].split()[0] == second
    assert "persona.name" in text
    said = await _ok(system, rollout.app, "undo", key)
    assert f"served by revision {first} (was {second})" in said
    assert (await _dispatched(system, key)).revision == first
    assert "spec compiles to" in await system.condition(where, "Accepted", "True/Pinned")
    entries = json.loads(await _ok(system, rollout.app, "history", key, "-o", "json"))["revisions"]
    assert [(e["serves"], e["pinned"], e["of_spec"]) for e in entries] == [
        (True, True, False),
        (False, False, True),
    ]
    difference = await _ok(system, rollout.app, "diff", key, first, second)
    assert "-  name: Amy" in difference
    assert "+  name: Bea" in difference
    await _ok(system, rollout.app, "resume", key)
    await system.condition(where, "Accepted", "True/Accepted")

    async def back() -> bool:
        return (await _dispatched(system, key)).revision == second

    await until(back, "the spec serves again")
    seen = await system.kube.get(VOICE_AGENT, where, "reception")
    assert "pinnedRevision" not in seen["status"]


async def test_a_paused_agent_is_left_alone_until_it_is_resumed(system: System) -> None:
    where, key = "cli-pause", "cli-pause/reception"
    await system.tenant_with_namespace(where)
    await system.serve(where, "+15551204")
    await _ok(system, pause.pause, key)
    await system.condition(where, "Paused", "True/Paused")
    before = await _dispatched(system, key)
    await _change(system, where, persona={"name": "Bea", "business": "Smile Dental"})
    patch = {"metadata": {"labels": {"mine": "yes"}}, "spec": {"minReadySeconds": 3}}
    await system.kube.patch(DEPLOYMENT, where, "reception-worker", patch)
    assert await _dispatched(system, key) == before
    assert "is paused already" in await _ok(system, pause.pause, key)
    await _ok(system, pause.resume, key)

    async def right() -> bool:
        return (await _dispatched(system, key)).revision != before.revision

    await until(right, "the change is served")


async def test_variants_are_dispatched_with_their_weights(system: System) -> None:
    where = "cli-variants"
    await system.tenant_with_namespace(where)
    variants = [{"name": "polite", "weight": 30, "persona": {"name": "Ann"}}]
    await system.serve(where, "+15551205", variants=variants)
    dispatched = await _dispatched(system, f"{where}/reception")
    (share,) = dispatched.variants
    kept = await system.kube.get(CONFIG_MAP, where, f"reception-{share.revision}")
    assert kept["metadata"]["labels"][names.LABEL_VARIANT] == "polite"
    assert (share.name, share.weight) == ("polite", 30)


async def test_the_report_holds_everything_but_secrets_and_callers(
    system: System, tmp_path: Path
) -> None:
    where, planted = "cli-report", "pl4nted-p4ssw0rd"
    digest = {"ingress": {"digestSecretRef": {"name": "carrier"}}}
    await system.tenant_with_namespace(where, sip=digest)
    data = {"username": b"smile-carrier", "password": planted.encode()}
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    secret = {"metadata": {"name": "carrier", "namespace": where}, "data": encoded}
    await system.put(SECRET, secret)
    made = await system.serve(where, "+15551206")
    note = {"metadata": {"annotations": {"note": f"the carrier said {planted}"}}}
    await system.kube.patch(VOICE_AGENT, where, "reception", note)
    path = "/spec/template/spec/containers/0/env/-"
    variable = {"name": "HTTP_PASSWORD", "value": "0ther-p4ssw0rd"}
    patch = [{"op": "add", "path": path, "value": variable}]
    await _ok(system, pause.pause, f"{where}/reception")
    await system.kube.patch(DEPLOYMENT, where, "reception-worker", patch)
    await system.kube.create(EVENT, _event(made, f"+15559990001 called, proxy said {planted}"))
    file = tmp_path / "report.tar.gz"
    livekit = ["--livekit-url", system.livekit.http_url]
    livekit += ["--livekit-api-key", system.livekit.api_key]
    livekit += ["--livekit-api-secret", system.livekit.api_secret]
    said = await _ok(system, report.app, "-n", where, "-o", str(file), *livekit)
    assert f"{file}: 1 VoiceAgents" in said
    held = _unpacked(file)
    folder = f"namespaces/{where}/reception"
    assert {f"{folder}/{n}" for n in ("voiceagent.yaml", "children.yaml", "events.yaml")} <= set(
        held
    )
    kinds = {obj["kind"] for obj in yaml.safe_load_all(held[f"{folder}/children.yaml"])}
    assert kinds >= {"Deployment", "Secret", "ConfigMap", "Role"}
    assert "<number> called, proxy said <hidden>" in held[f"{folder}/events.yaml"]
    assert "+15551206" in held["livekit/inbound_trunks.json"]
    assert '"auth_password": "<hidden>"' in held["livekit/inbound_trunks.json"]
    everything = "\n".join(held.values())
    secrets = [planted, "0ther-p4ssw0rd", system.livekit.api_secret, "+15559990001"]
    secrets += [base64.b64encode(text.encode()).decode() for text in secrets]
    assert [text for text in secrets if text in everything] == []


def _event(about: Object, message: str) -> Object:
    where = about["metadata"]["namespace"]
    meta = {key: about["metadata"][key] for key in ("name", "namespace", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "planted-", "name": "planted", "namespace": where},
        "involvedObject": {"apiVersion": names.API_VERSION, "kind": "VoiceAgent", **meta},
        "reason": "Planted",
        "message": message,
        "type": "Warning",
    }


def _unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file) as bundle:
        found = {}
        for member in bundle.getmembers():
            content = bundle.extractfile(member)
            assert content is not None
            found[member.name.partition("/")[2]] = content.read().decode()
    return found


@pytest.mark.parametrize("rich", [False, True], ids=["samples", "everything at once"])
async def test_render_prints_what_the_cluster_gets(
    system: System, tmp_path: Path, rich: bool
) -> None:
    files = _rich(tmp_path) if rich else SAMPLES
    documents = [d for f in sorted(files.glob("*.yaml")) for d in yaml.safe_load_all(f.read_text())]
    for document in documents:
        await system.put(_KINDS[document["kind"]], document)
    agents = [d for d in documents if d["kind"] == "VoiceAgent"]
    for sample in agents:
        await system.condition(
            sample["metadata"]["namespace"], "SIPReady", "True/SIPReady", name_of(sample)
        )
    printed = await _rendered(system, tmp_path, files)
    for obj in printed:
        kind = next(k for k in CHILDREN if k.kind == obj["kind"])
        there = await system.kube.get(kind, obj["metadata"]["namespace"], name_of(obj))
        assert _contained(_comparable(obj), there), (obj, there)
    names_printed = {(obj["kind"], obj["metadata"]["namespace"], name_of(obj)) for obj in printed}
    for sample in agents:
        children = await _children(system, sample["metadata"]["namespace"], name_of(sample))
        assert names_printed >= children


def _rich(folder: Path) -> Path:
    """A VoiceAgent of which everything is asked at once."""
    where, files = "cli-rich", folder / "rich"
    files.mkdir()
    reference = {"configMapRef": {"name": "polite", "key": "script"}}
    prompt = {"prompt": {"greeting": "Hi.", "instructions": "Be brief."}}
    llm = {"baseUrl": "https://llm.example/v1", "model": "m", "name": "hosted"}
    llm["apiKeyRef"] = {"name": "llm", "key": "token"}  # type: ignore[assignment]
    variants = [
        {"name": "polite", "weight": 20, "dialog": reference},
        {"name": "talker", "weight": 5, "dialog": prompt, "llm": {"providers": [llm]}},
    ]
    pod = {"spec": {"priorityClassName": "system-node-critical"}}
    asked = agent("reception", where, numbers=["+15551207"], variants=variants, podTemplate=pod)
    meta = {"namespace": where}
    polite = {"script": json.dumps(SCRIPT | {"greeting": "Good day."})}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", **namespace(where, where)},
        tenant(where, sip={"ingress": {"digestSecretRef": {"name": "carrier"}}}),
        _plain("ConfigMap", {"name": "polite", **meta}, polite),
        _plain("Secret", {"name": "carrier", **meta}, {"username": "dQ==", "password": "cA=="}),
        _plain("Secret", {"name": "llm", **meta}, {"token": "dA=="}),
        asked,
    ]
    (files / "all.yaml").write_text(yaml.safe_dump_all(objects))
    return files


def _plain(kind: str, metadata: Object, data: Object) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}


async def _children(system: System, where: str, name: str) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for kind in CHILDREN:
        listed, _ = await system.kube.list_all(kind, f"{names.LABEL_AGENT}={name}")
        here = [obj for obj in listed if obj["metadata"]["namespace"] == where]
        found |= {(kind.kind, where, name_of(obj)) for obj in here}
    return found


async def test_rendered_objects_pass_a_strict_dry_run(system: System, tmp_path: Path) -> None:
    await system.put(NAMESPACE, namespace("cli-dry", "cli-dry"))
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in SAMPLES.glob("*.yaml"):
        (moved / file.name).write_text(file.read_text().replace("smile-dental", "cli-dry"))
    path = tmp_path / "rendered.yaml"
    printed = await _rendered(system, tmp_path, moved)
    path.write_text("---\n".join(yaml.safe_dump(obj) for obj in printed))
    options = ["--dry-run=server", "--validate=strict", "--server-side", "--field-manager=dry"]
    code, output = await system.kubectl("apply", *options, "--force-conflicts", "-f", str(path))
    assert code == 0, output


async def _rendered(
    system: System, tmp_path: Path, files: Path = SAMPLES, *more: str
) -> list[Object]:
    """Render the samples with the settings that the operator process has."""
    values = {
        "livekit": {
            "apiUrl": system.livekit.http_url,
            "workerUrl": system.livekit.ws_url,
            "apiKey": system.livekit.api_key,
            "apiSecret": system.livekit.api_secret,
        },
        "redis": {"url": system.redis.url},
        "worker": {"image": "registry.example/switchboard-agent:1"},
    }
    file = tmp_path / "values.txt"
    file.write_text(yaml.safe_dump(values))
    options = ["-f", str(files), "--settings", str(file), "--operator-namespace", "default"]
    options += more
    done = await asyncio.to_thread(CliRunner().invoke, render.app, options)
    assert done.exit_code == 0, done.output
    return list(yaml.safe_load_all(done.stdout))


def _comparable(obj: Object) -> Object:
    """Leave out what only a cluster has: the owner's UID, and the number of workers at birth."""
    plain: Object = orjson.loads(orjson.dumps(obj))
    for owner in plain["metadata"]["ownerReferences"]:
        del owner["uid"]
    for name in (APPLIED_HASH, names.ANNOTATION_GENERATION):
        plain["metadata"].get("annotations", {}).pop(name, None)
    return plain


def _contained(wanted: Any, there: Any) -> bool:  # noqa: ANN401  any JSON
    """Tell whether all that was printed stands in the cluster; the API server adds defaults."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            _contained(v, there.get(k)) for k, v in wanted.items()
        )
    if isinstance(wanted, list):
        same = isinstance(there, list) and len(there) == len(wanted)
        return same and all(_contained(a, b) for a, b in zip(wanted, there, strict=True))
    return bool(wanted == there)


async def test_kubectl_runs_the_command_as_a_plugin(system: System, tmp_path: Path) -> None:
    await system.tenant_with_namespace("cli-plugin")
    await system.serve("cli-plugin", "+15551208")
    plugin = tmp_path / "kubectl-switchboard"
    run = "from switchboard_cli.main import kubectl_plugin; kubectl_plugin()"
    plugin.write_text(f'#!{sys.executable}\n"""As the console script of the package."""\n{run}\n')
    plugin.chmod(0o700)
    kubectl = locate("kubectl", LocalSettings.from_environment().cache)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    env["KUBECONFIG"] = str(system.plane.kubeconfig_path)
    process = await asyncio.create_subprocess_exec(
        str(kubectl), "switchboard", "status", "-n", "cli-plugin", env=env, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert output.decode().splitlines()[1].split()[0] == "reception"
