"""A control plane of its own that can be knocked about: behind a proxy, stopped, compacted."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from switchboard_local.kubeconfig import kubeconfig, write_kubeconfig
from switchboard_local.part import Part
from switchboard_local.pki import control_plane_files
from switchboard_local.process import running
from switchboard_local.servers import livekit_server, redis_server
from switchboard_local.servers.control_plane import control_plane_parts, etcd_directory
from switchboard_operator.kube.client import KubeClient
from switchboard_operator.sip.api import LiveKitApi
from tests.operator.system import (
    OperatorProcess,
    System,
    _install_crds,
    _login,
    _operator_kubeconfig,
    tool,
)
from tests.support.api_proxy import ApiProxy, api_proxy


@dataclass
class Knocks:
    """What can be done to the system."""

    system: System
    """Its operators speak through the proxy, the test does not."""
    proxy: ApiProxy
    etcd_url: str
    _apiserver: Part
    _running: contextlib.AsyncExitStack

    async def stop_apiserver(self) -> None:
        """End the API server."""
        await self._running.aclose()

    async def start_apiserver(self) -> None:
        """Bring it back at the same address, with an empty watch cache."""
        logs = self.system.workdir / "logs"
        await self._running.enter_async_context(running(self._apiserver, logs))

    async def compact(self) -> None:
        """Make etcd forget every version but the newest."""
        async with aiohttp.ClientSession(self.etcd_url) as etcd:
            ask = {"key": "AA==", "range_end": "AA==", "count_only": True}
            async with etcd.post("/v3/kv/range", json=ask) as answer:
                revision = (await answer.json())["header"]["revision"]
            compaction = {"revision": revision, "physical": True}
            async with etcd.post("/v3/kv/compaction", json=compaction) as answer:
                assert answer.status == 200, await answer.text()

    async def admin(self, *args: str) -> str:
        """Run kubectl as administrator; return its output."""
        config = f"--kubeconfig={self.system.plane.kubeconfig_path}"
        status, output = await tool("kubectl", config, *args)
        assert status == 0, output
        return output


@contextlib.asynccontextmanager
async def knocked_system(workdir: Path) -> AsyncIterator[Knocks]:
    """Start everything but the operator."""
    with etcd_directory(workdir) as data:
        parts = control_plane_parts(workdir / "control-plane", data)
        plane, files = parts.plane, control_plane_files(workdir / "control-plane" / "pki")
        async with (
            redis_server(workdir) as redis,
            contextlib.AsyncExitStack() as livekit_stack,
            running(parts.etcd, workdir / "logs"),
            contextlib.AsyncExitStack() as apiserver,
            api_proxy(plane.url, files) as proxy,
        ):
            livekit = await livekit_stack.enter_async_context(livekit_server(workdir, redis))
            await apiserver.enter_async_context(running(parts.apiserver, workdir / "logs"))
            async with (
                KubeClient(_login(plane), connections=8, on_write=lambda _k, _v: None) as kube,
                LiveKitApi(
                    livekit.http_url, livekit.api_key, livekit.api_secret, lambda _m, _r: None
                ) as sip,
            ):
                await _install_crds(kube)
                await _operator_kubeconfig(workdir, plane)
                token = (await _token(plane.kubeconfig_path)).strip()
                through = kubeconfig(url=proxy.url, ca=plane.ca_file, token=token)
                config = write_kubeconfig(workdir / "through-proxy.kubeconfig", through)
                system = System(workdir, plane, redis, livekit, kube, sip, livekit_stack, config)
                knocks = Knocks(system, proxy, _etcd_url(parts.etcd), parts.apiserver, apiserver)
                try:
                    yield knocks
                finally:
                    for operator in system.operators:
                        if operator.process.returncode is None:
                            await operator.stop(9)


async def _token(config: Path) -> str:
    status, token = await tool(
        "kubectl", f"--kubeconfig={config}", "create", "token", "switchboard-operator"
    )
    assert status == 0, token
    return token


def _etcd_url(etcd: Part) -> str:
    host, port = etcd.listens[0]
    return f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def operator(
    knocks: Knocks, *, leading: bool = True, **settings: str
) -> AsyncIterator[OperatorProcess]:
    """Run an operator for the length of the block."""
    started = await knocks.system.start_operator(leading=leading, extra=settings)
    try:
        yield started
    finally:
        if started.process.returncode is None:
            await started.stop()


async def probe(operator: OperatorProcess, path: str) -> tuple[int, str]:
    """Ask a probe of the operator."""
    async with aiohttp.ClientSession() as http:
        answer = await http.get(f"http://127.0.0.1:{operator.port}/{path}")
        return answer.status, await answer.text()
