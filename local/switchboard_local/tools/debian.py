"""The programs that come from Debian packages, and which package brings each."""

import shutil
from dataclasses import dataclass
from pathlib import Path

ADMIN_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where system programs are that an ordinary user's PATH leaves out."""


@dataclass(frozen=True, slots=True)
class DebianTool:
    """A program and the package that has it."""

    program: str
    """Its name, or its path where it is on nobody's PATH."""
    package: str
    used_for: str
    needs_root: bool = False
    """Whether only the parts that run as root use it."""
    for_calls: bool = False
    """Whether test callers use it, who may call a system elsewhere."""
    for_tests: bool = False
    """Whether only this repository's own tests use it."""


DEBIAN_TOOLS = (
    DebianTool("setpriv", "util-linux", "servers that die with their starter"),
    DebianTool("etcd", "etcd-server", "the store of the API server"),
    DebianTool("redis-server", "redis-server", "LiveKit's bus and the call records"),
    DebianTool("sipp", "sip-tester", "test calls", for_calls=True),
    DebianTool("flite", "flite", "the speech of test callers", for_calls=True),
    DebianTool(
        "/usr/lib/chromium/chromium-headless-shell",
        "chromium-headless-shell",
        "callers with a browser",
        for_tests=True,
    ),
    DebianTool("ip", "iproute2", "the bundle's network", needs_root=True),
    DebianTool("nsenter", "util-linux", "commands inside the bundle", needs_root=True),
    DebianTool("mount", "mount", "the bundle's own /run", needs_root=True),
    DebianTool("nft", "nftables", "Services (kube-proxy)", needs_root=True),
    DebianTool("iptables", "iptables", "port mappings of pods", needs_root=True),
    DebianTool("conntrack", "conntrack", "Services (kube-proxy)", needs_root=True),
    DebianTool("containerd", "containerd", "pods", needs_root=True),
    DebianTool("runc", "runc", "pods", needs_root=True),
    DebianTool(
        "/usr/lib/cni/ptp", "containernetworking-plugins", "the pods' network", needs_root=True
    ),
    DebianTool("buildah", "buildah", "images of Switchboard's parts", needs_root=True),
    DebianTool("mmdebstrap", "mmdebstrap", "the base image", needs_root=True),
)


def find_debian(tool: DebianTool) -> Path | None:
    """Return where the program is, whatever brought it there."""
    if tool.program.startswith("/"):
        path = Path(tool.program)
        return path if path.exists() else None
    found = shutil.which(tool.program) or shutil.which(
        tool.program, path=":".join(ADMIN_DIRECTORIES)
    )
    return Path(found) if found else None


def missing_packages(
    *, as_root: bool, only_calls: bool = False, with_tests: bool = False
) -> list[str]:
    """Return the packages to install, each once, in order of the table.

    `as_root` false leaves out what only root could use anyway; `only_calls` leaves out all but what
    callers need; `with_tests` takes in what only tests use.
    """
    missing = [
        tool.package
        for tool in DEBIAN_TOOLS
        if (as_root or not tool.needs_root)
        and (with_tests or not tool.for_tests)
        and (tool.for_calls or not only_calls)
        and find_debian(tool) is None
    ]
    return list(dict.fromkeys(missing))


def debian_tool(program: str) -> DebianTool | None:
    """Return the entry of that program."""
    return next((tool for tool in DEBIAN_TOOLS if tool.program == program), None)
