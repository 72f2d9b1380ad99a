"""A real API server takes every rendered object; it refuses unknown fields and loose pods."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from switchboard_operator.errors import ConflictError
from switchboard_operator.kube.kinds import NAMESPACE, SERVICE_ACCOUNT, Kind
from switchboard_operator.kube.objects import Object
from tests.operator.foreign_kinds import install_foreign
from tests.operator.samples import namespace
from tests.operator.system import ROOT, System

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

FOLDER = ROOT / "tests" / "operator"
GOLDEN = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("golden*/*.yaml"))
SAMPLES = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "manifests").glob("samples*/*.yaml")
)
PRIORITY_CLASS = Kind(
    "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False
)
RUNTIME_CLASS = Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False)
RESTRICTED = "restricted-golden"


@pytest.mark.parametrize("name", GOLDEN)
async def test_every_rendered_object_is_taken_strictly(bare_system: System, name: str) -> None:
    objects = _objects(_read(FOLDER / name))
    assert objects, "a golden file without objects"
    await install_foreign(bare_system)
    await _make_namespaces(bare_system, objects)
    await _taken(bare_system, name, objects)


@pytest.mark.parametrize("name", GOLDEN)
async def test_every_rendered_pod_passes_restricted_pod_security(
    bare_system: System, name: str
) -> None:
    deployments = [obj for obj in _objects(_read(FOLDER / name)) if obj["kind"] == "Deployment"]
    templates = [obj["spec"]["template"] for obj in deployments]
    await _put_restricted(bare_system, templates)
    pods = [_pod(index, template) for index, template in enumerate(templates)]
    if pods:
        await _taken(bare_system, f"pods-{name}", pods)


@pytest.mark.parametrize("name", SAMPLES)
async def test_every_sample_is_taken_strictly(bare_system: System, name: str) -> None:
    objects = _read(ROOT / name)
    await _make_namespaces(bare_system, objects)
    await _taken(bare_system, name, objects)


async def test_an_unknown_field_is_refused(bare_system: System) -> None:
    wrong = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "colour": "blue"}
    status, output = await _apply(bare_system, "wrong", [wrong])
    assert status != 0
    assert "colour" in output


def _read(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _objects(value: Any) -> list[Object]:  # noqa: ANN401  a golden file, or a part of one
    """Return the Kubernetes objects anywhere in a golden file."""
    if isinstance(value, list):
        return [obj for entry in value for obj in _objects(entry)]
    if not isinstance(value, dict):
        return []
    if {"apiVersion", "kind", "metadata"} <= set(value):
        return [value]
    return [obj for entry in value.values() for obj in _objects(entry)]


def _pod(index: int, template: Object) -> Object:
    metadata = template["metadata"] | {"name": f"pod-{index}", "namespace": RESTRICTED}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


async def _put_restricted(system: System, templates: list[Object]) -> None:
    """Make a namespace that enforces `restricted`, and what the pods name."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await system.put(NAMESPACE, {"metadata": {"name": RESTRICTED, "labels": labels}})
    for template in templates:
        spec = template["spec"]
        if account := spec.get("serviceAccountName"):
            metadata = {"name": account, "namespace": RESTRICTED}
            await _put_once(system, SERVICE_ACCOUNT, {"metadata": metadata})
        if priority := spec.get("priorityClassName"):
            obj = {"metadata": {"name": priority}, "value": 1000}
            await _put_once(system, PRIORITY_CLASS, obj)
        if runtime := spec.get("runtimeClassName"):
            await _put_once(
                system, RUNTIME_CLASS, {"metadata": {"name": runtime}, "handler": runtime}
            )


async def _put_once(system: System, kind: Kind, obj: Object) -> None:
    with contextlib.suppress(ConflictError):
        whole = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        await system.kube.create(kind, whole)


async def _make_namespaces(system: System, objects: list[Object]) -> None:
    for name in sorted({obj["metadata"].get("namespace", "") for obj in objects} - {""}):
        await system.put(NAMESPACE, namespace(name, None))


async def _taken(system: System, name: str, objects: list[Object]) -> None:
    status, output = await _apply(system, name, objects)
    assert status == 0, output
    assert len(output.splitlines()) == len(objects), output


async def _apply(system: System, name: str, objects: list[Object]) -> tuple[int, str]:
    path = system.workdir / f"dry-run-{name.replace('/', '-')}.json"
    whole = {"apiVersion": "v1", "kind": "List", "items": objects}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return await system.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        f"--filename={path}",
    )
