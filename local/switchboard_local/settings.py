"""Where the local system keeps its things: the only place that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""Root of the checkout this package is imported from: `local/` only works from one."""


DROP_UNROUTED = "SWITCHBOARD_SIP_DROP_UNROUTED"


class ClusterChoice(StrEnum):
    """Which Kubernetes the demo and the tests use."""

    BUNDLE = "bundle"
    """The namespace bundle this package starts."""

    CURRENT = "current"
    """Whatever cluster the current kubeconfig names (kind, k3d, a real one)."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Everything about this machine and checkout that the local system needs to know."""

    checkout: Path
    """Root of the checkout."""

    out: Path
    """`SWITCHBOARD_OUT`: everything a run writes, `out/local` of the checkout by default. Another
    value makes another system, with addresses of its own, beside the first."""

    cache: Path
    """Built programs and base images, shared by all checkouts of this user."""

    cluster: ClusterChoice
    """`SWITCHBOARD_CLUSTER`: `bundle` (default) or `current`."""

    livekit_sip: str | None
    """`SWITCHBOARD_LIVEKIT_SIP`: a livekit-sip program to run in place of the SIP edge."""

    drop_unrouted: bool = False
    """`SWITCHBOARD_SIP_DROP_UNROUTED=1`: the SIP edge is silent where no rule fits, as livekit-sip
    is."""

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, checkout: Path = CHECKOUT
    ) -> "LocalSettings":
        """Read the settings; `environ` is the process environment where not given."""
        env = os.environ if environ is None else environ
        cache = env.get("SWITCHBOARD_CACHE") or Path(env.get("HOME", "/")) / ".cache/switchboard"
        return cls(
            checkout=checkout,
            out=Path(env.get("SWITCHBOARD_OUT") or checkout / "out" / "local"),
            cache=Path(cache),
            cluster=ClusterChoice(env.get("SWITCHBOARD_CLUSTER") or ClusterChoice.BUNDLE),
            livekit_sip=env.get("SWITCHBOARD_LIVEKIT_SIP") or None,
            drop_unrouted=env.get(DROP_UNROUTED, "") not in {"", "0"},
        )

    def as_environment(self) -> dict[str, str]:
        """Return the variables that make another process read these settings."""
        return {DROP_UNROUTED: "1" if self.drop_unrouted else ""}

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.out / "logs"

    @property
    def state_file(self) -> Path:
        """What runs now, as JSON: see `state.SystemState`."""
        return self.out / "state.json"


def passed_on(names: tuple[str, ...], environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return those of the named environment variables that are set, to hand to a build."""
    env = os.environ if environ is None else environ
    return {name: env[name] for name in names if env.get(name)}


def process_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process to start: this one's own, and what is added."""
    return {**os.environ, **added}
