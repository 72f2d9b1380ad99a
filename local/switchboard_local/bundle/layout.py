"""What a bundle consists of: options, paths and the parts they make. Pure, but for finding tools.

Reading `bundle_parts` tells what runs; each part's own file tells how.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.bundle.addresses import BundleAddresses, bundle_id
from switchboard_local.bundle.cgroups import CGROUPS, node_cgroup
from switchboard_local.bundle.containers import clear_containers
from switchboard_local.bundle.mounts import RUN
from switchboard_local.errors import ToolMissingError
from switchboard_local.part import Part
from switchboard_local.parts.apiserver import ApiServerAddress, apiserver_part
from switchboard_local.parts.containerd import (
    ContainerdPaths,
    containerd_config,
    containerd_part,
)
from switchboard_local.parts.controller_manager import controller_manager_part
from switchboard_local.parts.coredns import coredns_part
from switchboard_local.parts.etcd import EtcdAddress, etcd_part
from switchboard_local.parts.kube_proxy import kube_proxy_part
from switchboard_local.parts.kubelet import NodeSettings, kubelet_config, kubelet_part
from switchboard_local.parts.livekit import (
    LOCAL_KEY,
    LiveKitAddress,
    LiveKitKey,
    livekit_part,
)
from switchboard_local.parts.redis import redis_part
from switchboard_local.parts.scheduler import scheduler_part
from switchboard_local.parts.sip import SipSettings, sip_part
from switchboard_local.pki import ControlPlaneFiles, control_plane_files
from switchboard_local.probes import NodeReady
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import find_livekit_sip, locate

REDIS_PORT = 6379
SIP_PORT = 5060
CNI_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """Everything a bundle is made from; keeper and supervisor each make it from the settings."""

    bundle: str
    """Its short name."""
    addresses: BundleAddresses
    nodes: int
    out: Path
    cache: Path
    livekit_sip: Path | None
    keys: LiveKitKey = LOCAL_KEY
    drop_unrouted: bool = False

    @property
    def files(self) -> ControlPlaneFiles:
        """Keys and certificates; the keeper made them before anything else."""
        return control_plane_files(self.pki)

    @property
    def pki(self) -> Path:
        """Directory of keys and certificates."""
        return self.out / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, for use inside and outside."""
        return self.out / "kubeconfig"

    @property
    def node_names(self) -> list[str]:
        """Names of the nodes, in order."""
        return [f"node-{index}" for index in range(1, self.nodes + 1)]

    @property
    def api(self) -> ApiServerAddress:
        """Where the API server listens."""
        return ApiServerAddress(self.addresses.inside, 6443, self.addresses.services)

    @property
    def livekit(self) -> LiveKitAddress:
        """Where LiveKit listens: reached by pods, by the SIP edge and by the machine."""
        return LiveKitAddress(
            host=self.addresses.inside, port=7880, udp_port=7882, tcp_port=7881, interface="sb0"
        )

    @property
    def redis(self) -> str:
        """host:port of Redis."""
        return f"{self.addresses.inside}:{REDIS_PORT}"

    @property
    def sip(self) -> SipSettings:
        """Where calls come in."""
        return SipSettings(
            host=self.addresses.sip,
            port=SIP_PORT,
            livekit_http_url=self.livekit.http_url,
            livekit_ws_url=self.livekit.ws_url,
            keys=self.keys,
            redis=self.redis,
            drop_unrouted=self.drop_unrouted,
        )

    def containerd(self, node: str) -> ContainerdPaths:
        """Return where the containerd of a node keeps things."""
        return ContainerdPaths(
            root=self.out / "containerd" / node,
            runtime=RUN / node,
            cni_programs=cni_directory(),
        )


def plan_bundle(settings: LocalSettings, addresses: BundleAddresses, nodes: int) -> BundlePlan:
    """Return the plan of these settings' bundle."""
    return BundlePlan(
        bundle=bundle_id(settings.out),
        addresses=addresses,
        nodes=nodes,
        out=settings.out,
        cache=settings.cache,
        livekit_sip=find_livekit_sip(settings),
        drop_unrouted=settings.drop_unrouted,
    )


def bundle_parts(plan: BundlePlan) -> list[Part]:
    """Return every part of the bundle."""
    return [
        *_media_parts(plan),
        *_control_plane_parts(plan),
        *(part for index in range(1, plan.nodes + 1) for part in _node_parts(plan, index)),
    ]


def cni_directory() -> Path:
    """Return where the machine has its CNI programs."""
    for directory in CNI_DIRECTORIES:
        if (directory / "ptp").exists():
            return directory
    raise ToolMissingError(
        "no CNI programs found",
        remedy="run as root: apt-get install --no-remove containernetworking-plugins",
    )


def _media_parts(plan: BundlePlan) -> list[Part]:
    work = plan.out / "run"
    sip = sip_part(plan.sip, livekit_sip=plan.livekit_sip, directory=work)
    return [
        redis_part(
            program=locate("redis-server", plan.cache),
            directory=RUN / "redis",
            host=plan.addresses.inside,
            port=REDIS_PORT,
        ),
        livekit_part(
            program=locate("livekit-server", plan.cache),
            directory=work,
            address=plan.livekit,
            redis=plan.redis,
            keys=plan.keys,
        ),
        sip,
    ]


def _control_plane_parts(plan: BundlePlan) -> list[Part]:
    find = functools.partial(locate, cache=plan.cache)
    host = plan.addresses.inside
    etcd = EtcdAddress("127.0.0.1", 2379, 2380)
    return [
        etcd_part(program=find("etcd"), data=RUN / "etcd", address=etcd),
        apiserver_part(
            program=find("kube-apiserver"),
            address=plan.api,
            etcd_url=etcd.client_url,
            files=plan.files,
        ),
        controller_manager_part(
            program=find("kube-controller-manager"),
            host=host,
            port=10257,
            files=plan.files,
            kubeconfig=plan.kubeconfig,
        ),
        scheduler_part(
            program=find("kube-scheduler"),
            host=host,
            port=10259,
            files=plan.files,
            kubeconfig=plan.kubeconfig,
        ),
        kube_proxy_part(
            program=find("kube-proxy"),
            directory=plan.out / "run",
            host=host,
            node="node-1",
            pods=plan.addresses.all_pods,
            kubeconfig=plan.kubeconfig,
        ),
        coredns_part(
            program=find("coredns"),
            directory=plan.out / "run",
            host=plan.addresses.dns,
            kubeconfig=plan.kubeconfig,
        ),
    ]


def _node_parts(plan: BundlePlan, index: int) -> list[Part]:
    name = f"node-{index}"
    paths = plan.containerd(name)
    runc = locate("runc", plan.cache)
    containerd = locate("containerd", plan.cache)
    node = NodeSettings(
        name=name,
        address=plan.addresses.node(index),
        cgroup=node_cgroup(plan.bundle, name),
        containerd=paths.socket,
        root=plan.out / "run" / name,
        pod_logs=plan.out / "logs" / "pods",
    )
    config = kubelet_config(
        node,
        files=plan.files,
        dns=plan.addresses.dns,
        cgroups_v1=not (CGROUPS / "cgroup.controllers").exists(),
    )
    return [
        containerd_part(
            name=f"containerd-{name}",
            program=containerd,
            paths=paths,
            config=containerd_config(paths, runc=runc, snapshotter=snapshotter(paths.root)),
            pods=plan.addresses.pods(index),
            prepare=functools.partial(clear_containers, containerd, paths, runc),
        ),
        kubelet_part(
            program=locate("kubelet", plan.cache),
            node=node,
            config=config,
            kubeconfig=plan.out / "run" / f"{name}.kubeconfig",
            probe=NodeReady(plan.api.url, plan.files.ca, plan.files.admin_token, name),
        ),
    ]


def snapshotter(root: Path) -> str:
    """Return how containerd lays out images below `root`.

    An overlay cannot stand on another overlay, which is what a checkout inside a container is on.
    """
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [line for line in mounts if root.is_relative_to(line[1])]
    kind = max(holding, key=lambda line: len(line[1]))[2]
    return "native" if kind == "overlay" else "overlayfs"
