"""Cgroups of the bundle's pods: the one thing that namespaces do not take away by themselves.

Version 1 has a tree per controller, version 2 one tree for all; a machine may show both, and then
the controllers that count are those of version 1.
"""

import contextlib
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")

WANTED_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")
"""What kubelet looks for in a version 2 tree."""

REMOVE_SECONDS = 5.0
"""A cgroup is busy for a moment after its last process has ended."""


def root_cgroup(bundle: str) -> str:
    """Return the name of the bundle's cgroup, below each root."""
    return f"switchboard-{bundle}"


def node_cgroup(bundle: str, node: str) -> str:
    """Return what kubelet gets as its `cgroupRoot`."""
    return f"/{root_cgroup(bundle)}/{node}"


def hierarchies(root: Path = CGROUPS) -> list[Path]:
    """Return the root directory of each cgroup tree that holds controllers."""
    if (root / "cgroup.controllers").exists():
        return [root]
    candidates = (path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(path for path in candidates if (path / "cgroup.procs").exists())


def make_cgroups(bundle: str, nodes: list[str], root: Path = CGROUPS) -> None:
    """Make an empty cgroup per node in each tree, ready for kubelet."""
    for tree in hierarchies(root):
        top = tree / root_cgroup(bundle)
        _make(top)
        for node in nodes:
            _make(top / node)


def remove_cgroups(bundle: str, root: Path = CGROUPS) -> None:
    """Remove the bundle's cgroups; their processes must be gone or going."""
    deadline = time.monotonic() + REMOVE_SECONDS
    for tree in hierarchies(root):
        top = tree / root_cgroup(bundle)
        while top.exists():
            for directory in sorted(_below(top), key=lambda path: -len(path.parts)):
                with contextlib.suppress(OSError):
                    directory.rmdir()
            if time.monotonic() > deadline:
                break
            if top.exists():
                time.sleep(0.02)


def _below(top: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [top, *(path for path in top.rglob("*") if path.is_dir())]
    return [top]


def _make(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    if (directory.parent / "cgroup.controllers").exists():
        for controller in WANTED_CONTROLLERS:
            # One that the kernel or the parent lacks is not available to pods; kubelet says so.
            with contextlib.suppress(OSError):
                (directory.parent / "cgroup.subtree_control").write_text(f"+{controller}")
            with contextlib.suppress(OSError):
                (directory / "cgroup.subtree_control").write_text(f"+{controller}")
    for inherited in ("cpuset.cpus", "cpuset.mems"):
        # Version 1 starts them empty, and a process cannot enter until they are set.
        with contextlib.suppress(FileNotFoundError):
            if not (directory / inherited).read_text().strip():
                (directory / inherited).write_text((directory.parent / inherited).read_text())
