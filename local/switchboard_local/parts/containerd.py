"""containerd: images and containers of one node."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.parts.cni import cni_config_text
from switchboard_local.probes import UnixSocketReady

PAUSE_IMAGE = "localhost/switchboard-pause:1"
"""Holds a pod's namespaces; built from local/tools/pause, like every image here."""


@dataclass(frozen=True, slots=True)
class ContainerdPaths:
    """Where the containerd of one node keeps things."""

    root: Path
    """Images and snapshots: kept between runs."""
    runtime: Path
    """Sockets and state: in the bundle's memory, for socket paths are short there."""
    cni_programs: Path

    @property
    def socket(self) -> Path:
        """For kubelet and ctr."""
        return self.runtime / "containerd.sock"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.runtime / "containerd.toml"

    @property
    def cni(self) -> Path:
        """Directory of the node's network file."""
        return self.runtime / "cni"

    @property
    def leases(self) -> Path:
        """Pod addresses given out."""
        return self.runtime / "cni-leases"


def containerd_config(
    paths: ContainerdPaths, *, runc: Path, snapshotter: str, with_pods: bool = True
) -> str:
    """Return containerd's configuration.

    `with_pods` false leaves the Kubernetes side out: enough to import images and clear leftovers.
    The form is version 2, which containerd 1.6 to 2.x read.
    """
    off = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
    off += ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
    off += ["io.containerd.internal.v1.opt"]
    if not with_pods:
        off += ["io.containerd.grpc.v1.cri"]
    disabled = ", ".join(f'"{name}"' for name in off)
    return f"""\
version = 2
root = "{paths.root}"
state = "{paths.runtime}/state"
oom_score = 0
disabled_plugins = [{disabled}]

[grpc]
address = "{paths.socket}"

[ttrpc]
address = "{paths.socket}.ttrpc"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
disable_apparmor = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{paths.cni_programs}"
conf_dir = "{paths.cni}"
max_conf_num = 1
"""


def containerd_part(
    *,
    name: str,
    program: Path,
    paths: ContainerdPaths,
    config: str,
    pods: str,
    prepare: Callable[[], Awaitable[None]],
) -> Part:
    """Return the containerd of one node, with its pods' network."""
    return Part(
        name=name,
        command=(str(program), "--config", str(paths.config)),
        probe=UnixSocketReady(paths.socket),
        files={
            paths.config: config,
            paths.cni / "10-switchboard.conflist": cni_config_text(pods=pods, leases=paths.leases),
        },
        directories=(paths.root, paths.runtime, paths.leases),
        prepare=prepare,
    )
