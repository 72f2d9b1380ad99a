"""Containers of an earlier run, which its end left in containerd's records.

The images in the same store are kept: importing them again would cost seconds.
"""

import shutil
from pathlib import Path

from switchboard_local.command import run_command_async
from switchboard_local.part import Part
from switchboard_local.parts.containerd import ContainerdPaths, containerd_config
from switchboard_local.probes import UnixSocketReady
from switchboard_local.process import running

KUBERNETES = ("--namespace", "k8s.io")


async def clear_containers(containerd: Path, paths: ContainerdPaths, runc: Path) -> None:
    """Forget all containers; runs before the real containerd starts, on the same store.

    A containerd without the Kubernetes side does it: that side would try to revive them.
    """
    if not (paths.root / "io.containerd.metadata.v1.bolt" / "meta.db").exists():
        return
    early = ContainerdPaths(
        root=paths.root, runtime=paths.runtime / "early", cni_programs=paths.cni_programs
    )
    config = containerd_config(early, runc=runc, snapshotter="overlayfs", with_pods=False)
    part = Part(
        name=f"containerd-early-{paths.runtime.name}",
        command=(str(containerd), "--config", str(early.config)),
        probe=UnixSocketReady(early.socket),
        files={early.config: config},
    )
    ctr = ("ctr", "--address", str(early.socket), *KUBERNETES, "containers")
    async with running(part, early.runtime):
        names = (await run_command_async([*ctr, "list", "--quiet"])).split()
        if names:
            await run_command_async([*ctr, "delete", *names])
    shutil.rmtree(paths.root / "io.containerd.grpc.v1.cri", ignore_errors=True)
