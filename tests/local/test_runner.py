"""Worker processes for a real Deployment of a real API server, without a node."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from switchboard_contract import names
from switchboard_local.processes.kube import Kube, open_kube
from switchboard_local.processes.runner import Runner
from switchboard_local.servers import ControlPlane

pytestmark = pytest.mark.integration

NAMESPACE = "runner-test"
WORKER = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
assert os.environ["SECRET"] == "s3cret" and os.environ["SWITCHBOARD_KUBE_URL"]
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
address = ("127.0.0.1", int(os.environ["SWITCHBOARD_HTTP_PORT"]))
http.server.HTTPServer(address, Ready).serve_forever()
"""
LABELS = {
    names.LABEL_MANAGED_BY: names.MANAGED_BY,
    names.LABEL_POOL: "runner-test.desk",
}


def deployment(version: str = "1") -> dict[str, Any]:
    secret = {"secretKeyRef": {"name": "keys", "key": "secret"}}
    environment = [{"name": "SECRET", "valueFrom": secret}, {"name": "VERSION", "value": version}]
    container = {"name": "worker", "image": "none", "env": environment}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "desk", "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "desk"}},
            "template": {
                "metadata": {"labels": {"app": "desk"}},
                "spec": {"containers": [container]},
            },
        },
    }


class Objects:
    """The few requests of the tests."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._deployments = f"{kube.url}/apis/apps/v1/namespaces/{NAMESPACE}/deployments"

    async def create(self, path: str, body: dict[str, Any]) -> None:
        async with self._kube.session.post(f"{self._kube.url}{path}", json=body) as answer:
            assert answer.status in {201, 409}, await answer.text()

    async def replace(self, body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        url = f"{self._deployments}/desk"
        async with self._kube.session.patch(url, json=body, headers=headers) as answer:
            answer.raise_for_status()

    async def delete(self) -> None:
        async with self._kube.session.delete(f"{self._deployments}/desk") as answer:
            assert answer.status in {200, 404}

    async def status(self) -> dict[str, Any]:
        async with self._kube.session.get(f"{self._deployments}/desk") as answer:
            body: dict[str, Any] = await answer.json()
            return dict(body.get("status", {}))


@pytest.fixture
async def objects(cluster: ControlPlane, tmp_path: Path) -> AsyncIterator[Objects]:
    """A namespace with a Deployment, and a runner that looks after it."""
    async with contextlib.AsyncExitStack() as stack:
        kube = await stack.enter_async_context(
            open_kube(cluster.url, ca_file=cluster.ca_file, token=cluster.token)
        )
        made = Objects(kube)
        await made.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        secret = {"metadata": {"name": "keys"}, "stringData": {"secret": "s3cret"}}
        await made.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
        await made.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", deployment())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        runner = Runner(
            kube,
            logs=tmp_path,
            access={"SWITCHBOARD_KUBE_URL": cluster.url},
            leaving=tasks,
            command=(sys.executable, "-c", WORKER),
        )
        running = tasks.create_task(runner.run())
        yield made
        await made.delete()
        running.cancel()


async def until(objects: Objects, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait for a status; the runner looks twice a second."""
    async with asyncio.timeout(40):
        while not what(status := await objects.status()):  # noqa: ASYNC110 - another process acts
            await asyncio.sleep(0.1)
    return status


def logs_of(directory: Path) -> list[Path]:
    return sorted(directory.glob("worker-*.log"))


async def test_a_deployment_becomes_available_by_its_processes(
    objects: Objects, tmp_path: Path
) -> None:
    status = await until(objects, lambda status: status.get("readyReplicas") == 2)
    assert status["conditions"][0]["status"] == "True"
    assert len(logs_of(tmp_path)) == 2


async def test_a_new_template_replaces_the_processes(objects: Objects, tmp_path: Path) -> None:
    await until(objects, lambda status: status.get("readyReplicas") == 2)
    await objects.replace({"spec": deployment("2")["spec"]})
    await until(
        objects,
        lambda status: (
            status.get("observedGeneration") == 2
            and status.get("updatedReplicas") == status.get("replicas") == 2
        ),
    )
    assert len(logs_of(tmp_path)) == 4


async def test_scaling_to_nothing_ends_all_processes(objects: Objects) -> None:
    await until(objects, lambda status: status.get("readyReplicas") == 2)
    await objects.replace({"spec": {"replicas": 0}})
    status = await until(objects, lambda status: not status.get("replicas"))
    assert status["conditions"][0]["status"] == "True"


async def test_a_pod_that_has_keys_of_secrets_as_files_is_refused_in_the_status(
    objects: Objects,
) -> None:
    await until(objects, lambda status: status.get("readyReplicas") == 2)
    body = deployment("3")
    pod = body["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "keys", "secret": {"secretName": "keys"}}]
    await objects.replace({"spec": body["spec"]})
    status = await until(
        objects,
        lambda status: any(one["type"] == "ReplicaFailure" for one in status.get("conditions", [])),
    )
    failure = next(one for one in status["conditions"] if one["type"] == "ReplicaFailure")
    assert "Secret keys are files in a pod" in failure["message"]
    assert status["readyReplicas"] == 2, "the workers of the former template go on"
