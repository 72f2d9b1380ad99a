"""The programs that are built from Go modules, with the versions their go.mod pins."""

import re
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.errors import BuildFailedError
from switchboard_local.settings import CHECKOUT

MODULES = CHECKOUT / "local" / "tools"
"""One folder with a go.mod per source of programs; they share none, for Go would then raise all
of them to the newest dependency of any."""


@dataclass(frozen=True, slots=True)
class GoTool:
    """One program, and how to build it."""

    name: str
    module: str
    """Folder under `local/tools`."""
    package: str
    """Go package of the program's main function."""
    pinned_by: str | None = None
    """Module path whose version in go.mod is the program's; None: the program is our own."""
    stamped: tuple[str, ...] = ()
    """Go packages whose version variables the linker sets."""
    minutes: float = 0.1
    """Build time on two cores with empty caches, to tell the reader what to expect."""
    needs_root: bool = False
    """Whether only nodes use it, which need root."""
    also_accepted: str | None = None
    """Minor versions (a pattern) of a copy already on the machine that serves as well."""

    @property
    def directory(self) -> Path:
        """Where its go.mod is."""
        return MODULES / self.module

    def version(self) -> str:
        """Return the version that go.mod pins."""
        if self.pinned_by is None:
            return "1"
        text = (self.directory / "go.mod").read_text()
        found = re.search(
            rf"^\s*(?:require )?{re.escape(self.pinned_by)} v(\S+)", text, re.MULTILINE
        )
        if found is None:
            raise BuildFailedError(f"{self.directory / 'go.mod'} does not require {self.pinned_by}")
        return found[1]

    def path(self, cache: Path) -> Path:
        """Return where the built program is kept."""
        return cache / "bin" / f"{self.name}-{self.version()}" / self.name


KUBERNETES_STAMPED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def _kubernetes(
    name: str, minutes: float, *, also_accepted: str | None = None, needs_root: bool = False
) -> GoTool:
    return GoTool(
        name=name,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        pinned_by="k8s.io/kubernetes",
        stamped=KUBERNETES_STAMPED,
        minutes=minutes,
        needs_root=needs_root,
        also_accepted=also_accepted,
    )


GO_TOOLS = (
    GoTool(
        name="livekit-server",
        module="livekit",
        package="github.com/livekit/livekit-server/cmd/server",
        pinned_by="github.com/livekit/livekit-server",
        minutes=1.6,
    ),
    _kubernetes("kube-apiserver", 4.3),
    _kubernetes("kubectl", 0.4, also_accepted=r"1\.3[345]\."),
    _kubernetes("kube-controller-manager", 1.0),
    _kubernetes("kube-scheduler", 0.1),
    _kubernetes("kubelet", 0.4, needs_root=True),
    _kubernetes("kube-proxy", 0.1, needs_root=True),
    GoTool(
        name="coredns",
        module="coredns",
        package=".",
        pinned_by="github.com/coredns/coredns",
        minutes=1.4,
        needs_root=True,
    ),
    GoTool(
        name="helm",
        module="helm",
        package="helm.sh/helm/v4/cmd/helm",
        pinned_by="helm.sh/helm/v4",
        minutes=2.0,
        also_accepted=r"4\.",
    ),
    GoTool(name="pause", module="pause", package=".", needs_root=True),
)
"""In the order of building: what tests need first comes first."""


def go_tool(name: str) -> GoTool | None:
    """Return the entry of that name, if the program is one that we build."""
    return next((tool for tool in GO_TOOLS if tool.name == name), None)
