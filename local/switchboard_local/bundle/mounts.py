"""The bundle's private view of a few directories, made by init before anything starts.

Programs that insist on fixed paths (/run, /var/lib/cni, /var/log/containers, global sysctls) get
their own copies, so that the machine's own stay as they are and two bundles do not meet.
"""

from pathlib import Path

from switchboard_local.command import run_command

RUN = Path("/run/switchboard")
"""Sockets, etcd's data, CNI's leases: in memory, gone with the bundle."""

OWN_DIRECTORIES = {"cni", "kubelet", "containerd", "containers", "pods"}
"""Entries of /var/lib and /var/log that another Kubernetes on the machine may have made: hidden,
so that the bundle makes its own."""

KUBELET_SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""Machine-wide settings that kubelet changes at its start. It gets plain files in their place:
what never changes needs no restoring, even after a kill."""


def make_private_mounts(mount: Path) -> None:
    """Cover the directories and settings; the caller is in a private mount namespace."""
    _tmpfs(mount, Path("/run"))
    RUN.mkdir(mode=0o755)
    _cover(mount, Path("/var/lib"), RUN / "machine-var-lib")
    _cover(mount, Path("/var/log"), RUN / "machine-var-log")
    for name in KUBELET_SYSCTLS:
        setting = Path("/proc/sys", name)
        if setting.exists():
            stand_in = RUN / "sysctls" / name
            stand_in.parent.mkdir(parents=True, exist_ok=True)
            stand_in.write_text(setting.read_text())
            run_command([str(mount), "--bind", str(stand_in), str(setting)])


def _cover(mount: Path, directory: Path, old: Path) -> None:
    """Lay an empty directory over one, with links to all that was there.

    What is new in it stays in memory; everything old is found as before.
    """
    old.mkdir(parents=True)
    run_command([str(mount), "--bind", str(directory), str(old)])
    _tmpfs(mount, directory)
    for entry in old.iterdir():
        if entry.name in OWN_DIRECTORIES:
            continue
        (directory / entry.name).symlink_to(entry)


def _tmpfs(mount: Path, directory: Path) -> None:
    run_command([str(mount), "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(directory)])
