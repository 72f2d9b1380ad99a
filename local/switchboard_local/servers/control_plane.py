"""A Kubernetes control plane without nodes, for any user.

The real etcd and API server: schemas, CEL rules, server-side apply, watches and subresources are
the real thing. Pods stay pending.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from switchboard_local.kubeconfig import kubeconfig, write_kubeconfig
from switchboard_local.part import Part
from switchboard_local.parts.apiserver import ApiServerAddress, apiserver_part
from switchboard_local.parts.controller_manager import WITHOUT_NODES, controller_manager_part
from switchboard_local.parts.etcd import EtcdAddress, etcd_part
from switchboard_local.parts.scheduler import scheduler_part
from switchboard_local.pki import ControlPlaneFiles, write_control_plane_files
from switchboard_local.ports import LOOPBACK, free_ports
from switchboard_local.process import running
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate

SERVICE_RANGE = "10.0.0.0/24"
"""ClusterIPs nobody ever routes to."""

MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made in it by mkdtemp
"""etcd syncs every write to its disk: in memory that costs nothing."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A control plane, and how to reach it as its administrator."""

    url: str
    kubeconfig_path: Path
    ca_file: Path
    token_file: Path
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ControlPlaneParts:
    """The parts of a control plane on free ports, not started yet."""

    plane: ControlPlane
    etcd: Part
    apiserver: Part
    controller_manager: Part
    scheduler: Part


@contextlib.asynccontextmanager
async def control_plane(
    workdir: Path,
    *,
    controller_manager: bool = False,
    controllers: tuple[str, ...] = WITHOUT_NODES,
    scheduler: bool = False,
) -> AsyncIterator[ControlPlane]:
    """Run etcd and the API server, about 1.5 s until ready.

    With `controller_manager`, the given `controllers` run too: by default those that make
    deletion (owner references, namespaces) and service accounts work. ("*",) runs all.
    """
    with etcd_directory(workdir) as data:
        made = control_plane_parts(workdir / "control-plane", data, controllers=controllers)
        parts = [made.etcd, made.apiserver]
        parts += [made.controller_manager] if controller_manager else []
        parts += [made.scheduler] if scheduler else []
        async with contextlib.AsyncExitStack() as stack:
            for part in parts:
                await stack.enter_async_context(running(part, workdir / "logs"))
            yield made.plane


def control_plane_parts(
    base: Path, data: Path, *, controllers: tuple[str, ...] = WITHOUT_NODES
) -> ControlPlaneParts:
    """Choose ports, make keys and return the parts; `data` is for etcd."""
    cache = LocalSettings.from_environment().cache
    ports = free_ports(5)
    files = write_control_plane_files(base / "pki", hosts=(LOOPBACK, "localhost"))
    address = ApiServerAddress(LOOPBACK, ports[0], SERVICE_RANGE)
    etcd = EtcdAddress(LOOPBACK, ports[1], ports[2])
    config = write_kubeconfig(
        base / "kubeconfig", kubeconfig(url=address.url, ca=files.ca, token=files.admin_token)
    )
    return ControlPlaneParts(
        plane=_plane(address, config, files),
        etcd=etcd_part(program=locate("etcd", cache), data=data / "etcd", address=etcd),
        apiserver=apiserver_part(
            program=locate("kube-apiserver", cache),
            address=address,
            etcd_url=etcd.client_url,
            files=files,
            advertise=False,
        ),
        controller_manager=controller_manager_part(
            program=locate("kube-controller-manager", cache),
            host=LOOPBACK,
            port=ports[3],
            files=files,
            kubeconfig=config,
            controllers=controllers,
        ),
        scheduler=scheduler_part(
            program=locate("kube-scheduler", cache),
            host=LOOPBACK,
            port=ports[4],
            files=files,
            kubeconfig=config,
        ),
    )


def _plane(address: ApiServerAddress, config: Path, files: ControlPlaneFiles) -> ControlPlane:
    return ControlPlane(
        url=address.url,
        kubeconfig_path=config,
        ca_file=files.ca,
        token_file=files.admin_token_file,
        token=files.admin_token,
    )


@contextlib.contextmanager
def etcd_directory(workdir: Path) -> Iterator[Path]:
    """Yield a directory for etcd's data, in memory where the machine has some for it."""
    parent = MEMORY if MEMORY.is_dir() else workdir
    remove_stale_data(parent)
    path = Path(tempfile.mkdtemp(prefix=f"switchboard-etcd-{os.getpid()}-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def remove_stale_data(parent: Path = MEMORY) -> None:
    """Remove the data of runs that were killed: memory they would hold until the next boot."""
    for path in parent.glob("switchboard-etcd-*"):
        owner = path.name.split("-")[2]
        if owner.isdigit() and not Path("/proc", owner).exists() and os.access(path, os.W_OK):
            shutil.rmtree(path, ignore_errors=True)
