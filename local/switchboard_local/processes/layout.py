"""The parts that run without root, and where they listen: free ports of 127.0.0.1."""

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.bundle.addresses import bundle_id
from switchboard_local.command import run_command_async
from switchboard_local.install import MAX_LOOP_LAG_MS
from switchboard_local.part import Part
from switchboard_local.parts.controller_manager import WITH_AUTOSCALER
from switchboard_local.parts.livekit import LOCAL_KEY, LiveKitAddress, livekit_part
from switchboard_local.parts.redis import redis_part
from switchboard_local.parts.sip import SipSettings, sip_part
from switchboard_local.ports import LOOPBACK, free_port, free_ports
from switchboard_local.probes import HttpReady, TcpReady
from switchboard_local.processes.pages import pages_file
from switchboard_local.servers.control_plane import (
    ControlPlane,
    ControlPlaneParts,
    control_plane_parts,
)
from switchboard_local.settings import LocalSettings
from switchboard_local.state import Mode, SystemState, process_started
from switchboard_local.tools.locate import find_livekit_sip, locate

OPERATOR_NAMESPACE = "switchboard-system"
METRICS_SERVICE = "switchboard-metrics-api"
"""Leads the API server to the operator's metrics API: by name, where no address can."""
RTP_BLOCKS = range(20000, 32000, 1000)
"""A thousand ports for the calls of each system, below the kernel's ephemeral ports."""


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """Addresses of everything; ports are chosen once, by the keeper."""

    settings: LocalSettings
    control_plane: ControlPlaneParts
    redis_port: int
    livekit: LiveKitAddress
    sip_port: int
    operator_port: int
    metrics_port: int
    """Of the operator's metrics API."""
    livekit_sip: Path | None

    @property
    def plane(self) -> ControlPlane:
        """The control plane."""
        return self.control_plane.plane

    @property
    def redis(self) -> str:
        """host:port of Redis."""
        return f"{LOOPBACK}:{self.redis_port}"

    @property
    def sip(self) -> SipSettings:
        """Where calls come in."""
        return SipSettings(
            host=LOOPBACK,
            port=self.sip_port,
            livekit_http_url=self.livekit.http_url,
            livekit_ws_url=self.livekit.ws_url,
            keys=LOCAL_KEY,
            redis=self.redis,
            rtp_ports=rtp_ports(self.settings.out),
            drop_unrouted=self.settings.drop_unrouted,
        )


def rtp_ports(out: Path) -> tuple[int, int]:
    """Return the ports for calls of the system that writes there: mostly no other one's."""
    first = RTP_BLOCKS[int(bundle_id(out), 16) % len(RTP_BLOCKS)]
    return first, first + RTP_BLOCKS.step - 1


def plan_processes(settings: LocalSettings, data: Path) -> ProcessPlan:
    """Choose ports and make keys; `data` is for etcd."""
    ports = free_ports(5)
    return ProcessPlan(
        settings=settings,
        control_plane=control_plane_parts(settings.out / "run", data, controllers=WITH_AUTOSCALER),
        redis_port=ports[0],
        livekit=LiveKitAddress(
            host=LOOPBACK,
            port=ports[1],
            udp_port=free_port(socket.SOCK_DGRAM),
            tcp_port=ports[2],
            interface="lo",
        ),
        sip_port=free_port(socket.SOCK_DGRAM),
        operator_port=ports[3],
        metrics_port=ports[4],
        livekit_sip=find_livekit_sip(settings),
    )


def process_parts(plan: ProcessPlan, *, bare: bool) -> list[Part]:
    """Return every part; `bare` leaves out Switchboard's own."""
    cache = plan.settings.cache
    work = plan.settings.out / "run"
    sip = sip_part(plan.sip, livekit_sip=plan.livekit_sip, directory=work)
    return [
        redis_part(
            program=locate("redis-server", cache),
            directory=work / "redis",
            host=LOOPBACK,
            port=plan.redis_port,
        ),
        livekit_part(
            program=locate("livekit-server", cache),
            directory=work,
            address=plan.livekit,
            redis=plan.redis,
            keys=LOCAL_KEY,
        ),
        sip,
        plan.control_plane.etcd,
        plan.control_plane.apiserver,
        plan.control_plane.controller_manager,
        *([] if bare else [operator_part(plan), runner_part(plan)]),
    ]


def operator_part(plan: ProcessPlan) -> Part:
    """Return the operator as a process; its resources are defined before it starts."""
    kubectl = str(locate("kubectl", plan.settings.cache))
    config = str(plan.plane.kubeconfig_path)
    crds = str(plan.settings.checkout / "manifests" / "crds")

    async def define_resources() -> None:
        client = (kubectl, f"--kubeconfig={config}")
        await run_command_async([*client, "apply", "--server-side", f"--filename={crds}"])
        established = ("--for=condition=Established", "--timeout=30s")
        await run_command_async([*client, "wait", *established, f"--filename={crds}"])
        await run_command_async([*client, "create", "namespace", OPERATOR_NAMESPACE])
        service = (METRICS_SERVICE, f"--external-name={LOOPBACK}")
        await run_command_async(
            [*client, "create", "service", "externalname", *service, "-n", OPERATOR_NAMESPACE]
        )

    return Part(
        name="operator",
        command=(sys.executable, "-m", "switchboard_operator"),
        probe=HttpReady(f"http://{LOOPBACK}:{plan.operator_port}/readyz"),
        environment={
            "KUBECONFIG": config,
            "SWITCHBOARD_LIVEKIT_API_URL": plan.livekit.http_url,
            "SWITCHBOARD_LIVEKIT_WORKER_URL": plan.livekit.ws_url,
            "SWITCHBOARD_LIVEKIT_API_KEY": LOCAL_KEY.key,
            "SWITCHBOARD_LIVEKIT_API_SECRET": LOCAL_KEY.secret,
            "SWITCHBOARD_REDIS_URL": f"redis://{plan.redis}",
            "SWITCHBOARD_WORKER_IMAGE": "localhost/switchboard-agent:process",
            "SWITCHBOARD_WORKER_MAX_LOOP_LAG_MS": str(MAX_LOOP_LAG_MS),
            "SWITCHBOARD_OPERATOR_NAMESPACE": OPERATOR_NAMESPACE,
            "SWITCHBOARD_HTTP_PORT": str(plan.operator_port),
            "SWITCHBOARD_METRICS_API_SERVICE": METRICS_SERVICE,
            "SWITCHBOARD_METRICS_API_PORT": str(plan.metrics_port),
        },
        after=("kube-apiserver", "kube-controller-manager", "livekit"),
        prepare=define_resources,
    )


def runner_part(plan: ProcessPlan) -> Part:
    """Return the worker runner."""
    port = free_port()
    return Part(
        name="runner",
        command=(
            sys.executable,
            *("-m", "switchboard_local.processes.runner_main"),
            *("--kube-url", plan.plane.url, "--ca-file", str(plan.plane.ca_file)),
            *("--token-file", str(plan.plane.token_file), "--port", str(port)),
            *("--logs", str(plan.settings.logs)),
            *("--pages", str(pages_file(plan.settings.out))),
        ),
        probe=TcpReady(LOOPBACK, port),
        after=("kube-apiserver",),
    )


def state_of(plan: ProcessPlan) -> SystemState:
    """Return what others need to know; the calling process is the keeper."""
    pid = os.getpid()
    return SystemState(
        mode=Mode.PROCESSES,
        keeper_pid=pid,
        keeper_started=process_started(pid) or 0,
        init_pid=None,
        init_started=None,
        network=None,
        kube_url=plan.plane.url,
        kubeconfig=str(plan.plane.kubeconfig_path),
        kube_ca_file=str(plan.plane.ca_file),
        kube_token_file=str(plan.plane.token_file),
        livekit_http_url=plan.livekit.http_url,
        livekit_ws_url=plan.livekit.ws_url,
        livekit_api_key=LOCAL_KEY.key,
        livekit_api_secret=LOCAL_KEY.secret,
        redis_url=f"redis://{plan.redis}",
        sip_host=LOOPBACK,
        sip_port=plan.sip_port,
        sip_kind="livekit-sip" if plan.livekit_sip else "edge",
        nodes=(),
        logs=str(plan.settings.logs),
    )
