"""The operator as a process between a real Kubernetes control plane and a real LiveKit."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import kopf
import yaml

from switchboard_local.kubeconfig import kubeconfig, write_kubeconfig
from switchboard_local.parts.controller_manager import WITH_AUTOSCALER
from switchboard_local.ports import LOOPBACK, free_port
from switchboard_local.servers import (
    ControlPlane,
    LiveKitServer,
    RedisServer,
    control_plane,
    livekit_server,
    redis_server,
)
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.client import KubeClient
from switchboard_operator.kube.kinds import NAMESPACE, SERVICE, TENANT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.sip.api import LiveKitApi
from tests.operator.model_samples import write_platform
from tests.operator.samples import agent, namespace, tenant

ROOT = Path(__file__).resolve().parents[2]
CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")
PATIENCE_SECONDS = 60.0
"""How long a test waits for what normally takes a second: the machine may be busy."""


async def until(
    check: Callable[[], object],
    what: str,
    *,
    seconds: float = PATIENCE_SECONDS,
    seen: Callable[[], object] = str,
) -> None:
    """Wait until `check` (plain or async) is true; if it never is, tell what was `seen` last."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s; {seen()}"
        await asyncio.sleep(0.05)


async def tool(name: str, *args: str) -> tuple[int, str]:
    """Run kubectl or helm; return status and output."""
    program = str(locate(name, LocalSettings.from_environment().cache))
    process = await asyncio.create_subprocess_exec(
        program, *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def render_chart(*options: str) -> tuple[int, str]:
    """Render the chart with working values; return status and output."""
    values = {
        "livekit.apiUrl": "http://livekit:7880",
        "livekit.workerUrl": "ws://livekit:7880",
        "livekit.existingSecret": "livekit",
        "redis.existingSecret": "redis",
    }
    sets = [f"--set={key}={value}" for key, value in values.items()]
    return await tool(
        "helm", "template", "switchboard", str(ROOT / "charts" / "switchboard"), *sets, *options
    )


@dataclass
class OperatorProcess:
    """One operator process."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    async def metrics(self) -> dict[str, float]:
        """Return its counters, by name with labels."""
        async with aiohttp.ClientSession() as http:
            answer = await http.get(f"http://127.0.0.1:{self.port}/metrics")
            lines = (await answer.text()).splitlines()
        samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}

    async def writes(self) -> dict[str, float]:
        """Return its writes to the Kubernetes API, other than of its lease."""
        found = await self.metrics()
        prefix = "switchboard_api_writes_total{"
        return {k: v for k, v in found.items() if k.startswith(prefix) and '"Lease"' not in k}

    def is_leading(self) -> bool:
        """Tell whether it has read the cluster and works."""
        assert self.process.returncode is None, self.log.read_text()[-2000:]
        return '"message":"reconciling"' in self.log.read_text()

    def knows_the_cluster(self) -> bool:
        """Tell whether it has read the cluster, on standby too."""
        return '"message":"watching"' in self.log.read_text()

    async def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal; return how many seconds the process took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        await self.process.wait()
        return time.monotonic() - began


@dataclass
class System:
    """Everything around the operator."""

    workdir: Path
    plane: ControlPlane
    redis: RedisServer
    livekit: LiveKitServer
    kube: KubeClient
    sip: LiveKitApi
    livekit_stack: contextlib.AsyncExitStack
    operator_kubeconfig: Path
    """Of the operator's own service account: it may do what the chart grants, no more."""
    operators: list[OperatorProcess] = field(default_factory=list)
    metrics_port: int = field(default_factory=free_port)
    """Of the metrics API of whichever operator runs: the APIService names it."""

    async def start_operator(
        self, *, leading: bool = True, extra: Mapping[str, str] | None = None
    ) -> OperatorProcess:
        """Start an operator; wait until it leads, unless another one does.

        `extra` are settings beside those of every test.
        """
        port = free_port()
        log = self.workdir / f"operator-{port}.log"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "KUBECONFIG": str(self.operator_kubeconfig),
            "SWITCHBOARD_LIVEKIT_API_URL": self.livekit.http_url,
            "SWITCHBOARD_LIVEKIT_WORKER_URL": self.livekit.ws_url,
            "SWITCHBOARD_LIVEKIT_API_KEY": self.livekit.api_key,
            "SWITCHBOARD_LIVEKIT_API_SECRET": self.livekit.api_secret,
            "SWITCHBOARD_LIVEKIT_POLL_SECONDS": "1",
            "SWITCHBOARD_PROBE_TIMEOUT_SECONDS": "4",
            "SWITCHBOARD_DISCOVERY_SECONDS": "1",
            "SWITCHBOARD_REDIS_URL": self.redis.url,
            "SWITCHBOARD_WORKER_IMAGE": "registry.example/switchboard-agent:1",
            "SWITCHBOARD_OPERATOR_NAMESPACE": "default",
            "SWITCHBOARD_MODEL_SERVERS_FILE": write_platform(self.workdir),
            "SWITCHBOARD_HTTP_PORT": str(port),
            "SWITCHBOARD_METRICS_API_PORT": str(self.metrics_port),
            "SWITCHBOARD_METRICS_API_OWNER": "switchboard-operator",
        }
        env |= extra or {}
        with log.open("w") as out:
            process = await asyncio.create_subprocess_exec(
                # It dies with the test run, even one that is killed.
                *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "switchboard_operator"),
                env=env,
                stdout=out,
                stderr=out,
            )
        started = OperatorProcess(process, port, log)
        self.operators.append(started)
        if leading:
            await until(started.is_leading, f"operator leads; see {log}")
        return started

    async def stop_livekit(self) -> None:
        """End LiveKit; its trunks lie in Redis."""
        await self.livekit_stack.aclose()

    async def start_livekit(self) -> None:
        """Bring LiveKit back at the same address."""
        server = livekit_server(self.workdir, self.redis, port=self.livekit.port)
        self.livekit = await self.livekit_stack.enter_async_context(server)

    async def kubectl(self, *args: str) -> tuple[int, str]:
        """Run kubectl as administrator; return status and output."""
        return await tool("kubectl", f"--kubeconfig={self.plane.kubeconfig_path}", *args)

    async def put(self, kind: Kind, obj: Object) -> Object:
        """Write as a user does."""
        whole = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        try:
            return await self.kube.create(kind, whole)
        except KubeApiError as error:
            if error.api_reason != "AlreadyExists":
                raise
        meta = obj["metadata"]
        body = {key: value for key, value in obj.items() if key != "metadata"}
        patch = {**body, "metadata": {"labels": meta.get("labels", {})}}
        return await self.kube.patch(kind, meta.get("namespace", ""), meta["name"], patch)

    async def tenant_with_namespace(self, name: str, **spec: object) -> None:
        """Make a Tenant and a namespace of the same name that belongs to it."""
        await self.put(TENANT, tenant(name, **spec))
        await self.put(NAMESPACE, namespace(name, name))

    async def serve(self, name: str, number: str, **spec: object) -> Object:
        """Make a VoiceAgent `reception` in the namespace and wait until LiveKit has it."""
        obj = agent("reception", name, numbers=[number], **spec)
        made = await self.put(VOICE_AGENT, obj)
        await self.condition(name, "SIPReady", "True/SIPReady")
        return made

    async def condition(self, where: str, kind: str, wanted: str, name: str = "reception") -> str:
        """Wait until a condition has `status/reason`; return its message."""
        conditions: dict[str, dict[str, str]] = {}

        async def reached() -> bool:
            found = await self.kube.get(VOICE_AGENT, where, name)
            listed = (found.get("status") or {}).get("conditions", [])
            conditions.update({condition["type"]: condition for condition in listed})
            asked = conditions.get(kind, {})
            return f"{asked.get('status')}/{asked.get('reason')}" == wanted

        await until(
            reached,
            f"{where}/{name} {kind}={wanted}",
            seen=lambda: conditions,
        )
        return conditions[kind]["message"]


@contextlib.asynccontextmanager
async def running_system(
    workdir: Path, *, controllers: tuple[str, ...] = WITH_AUTOSCALER
) -> AsyncIterator[System]:
    """Start everything but the operator; end what is left of the operators too.

    `controllers` run in the controller-manager; none of them, and it does not run.
    """
    async with (
        redis_server(workdir) as redis,
        contextlib.AsyncExitStack() as livekit_stack,
        control_plane(
            workdir, controller_manager=bool(controllers), controllers=controllers
        ) as plane,
    ):
        livekit = await livekit_stack.enter_async_context(livekit_server(workdir, redis))
        login = _login(plane)
        async with (
            KubeClient(login, connections=8, on_write=lambda _kind, _verb: None) as kube,
            LiveKitApi(
                livekit.http_url, livekit.api_key, livekit.api_secret, lambda _method, _result: None
            ) as sip,
        ):
            await _install_crds(kube)
            await _lead_to_metrics_api(kube)
            config = await _operator_kubeconfig(workdir, plane)
            system = System(workdir, plane, redis, livekit, kube, sip, livekit_stack, config)
            try:
                yield system
            finally:
                for operator in system.operators:
                    if operator.process.returncode is None:
                        await operator.stop(signal.SIGKILL)


def _login(plane: ControlPlane) -> Callable[[], kopf.ConnectionInfo]:
    return lambda: kopf.ConnectionInfo(
        server=plane.url, ca_path=str(plane.ca_file), token=plane.token
    )


async def _operator_kubeconfig(workdir: Path, plane: ControlPlane) -> Path:
    """Grant what the chart grants; return the operator's credentials."""
    status, rendered = await render_chart("--show-only=templates/rbac.yaml")
    assert status == 0, rendered
    manifest = workdir / "rbac.yaml"
    manifest.write_text(rendered, encoding="utf-8")
    admin = f"--kubeconfig={plane.kubeconfig_path}"
    status, output = await tool("kubectl", admin, "apply", f"--filename={manifest}")
    assert status == 0, output
    status, token = await tool("kubectl", admin, "create", "token", "switchboard-operator")
    assert status == 0, token
    content = kubeconfig(url=plane.url, ca=plane.ca_file, token=token.strip())
    return write_kubeconfig(workdir / "operator.kubeconfig", content)


async def _lead_to_metrics_api(kube: KubeClient) -> None:
    """Make the Service of the chart, for an operator that is a process of this machine."""
    metadata = {"name": "switchboard-metrics-api", "namespace": "default"}
    spec = {"type": "ExternalName", "externalName": LOOPBACK}
    await kube.create(
        SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    )


async def _install_crds(kube: KubeClient) -> None:
    cluster_scoped = Kind(CRD.group, CRD.version, CRD.kind, CRD.plural, namespaced=False)
    for path in sorted((ROOT / "manifests" / "crds").glob("*.yaml")):
        await kube.create(cluster_scoped, yaml.safe_load(path.read_text(encoding="utf-8")))
    for kind in (TENANT, VOICE_AGENT):

        async def served(kind: Kind = kind) -> bool:
            try:
                await kube.page(kind, {"limit": "1"})
            except KubeApiError:
                return False
            return True

        await until(served, f"{kind.plural} are served")
