"""What runs now: the addresses of the local system, shared by every command through one file.

`switchboard local up` writes it, all others read it: `local status`, `demo`, `loadtest`, tests.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Mode(StrEnum):
    """How Switchboard's own parts run."""

    PODS = "pods"
    """As pods in the namespace bundle."""

    PROCESSES = "processes"
    """As processes beside a control plane without nodes."""


@dataclass(frozen=True, slots=True)
class SystemState:
    """Addresses and process ids of a running local system."""

    mode: Mode
    keeper_pid: int
    """The process that holds everything together: SIGTERM ends the system."""
    keeper_started: int
    """Its start time in clock ticks since boot: tells it from a later process of that id."""
    init_pid: int | None
    """Process 1 of the bundle, as the machine sees it; None without a bundle."""
    init_started: int | None
    """Its start time, as for the keeper."""
    network: str | None
    """The bundle's address range."""
    kube_url: str
    kubeconfig: str
    """Path of the administrator's kubeconfig."""
    kube_ca_file: str
    kube_token_file: str
    livekit_http_url: str
    livekit_ws_url: str
    livekit_api_key: str
    redis_url: str
    sip_host: str
    sip_port: int
    sip_kind: str
    """`edge` or `livekit-sip`."""
    nodes: tuple[str, ...]
    logs: str
    livekit_api_secret: str = field(repr=False)

    def to_json(self) -> str:
        """Return the file's content."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "SystemState":
        """Read the file's content."""
        raw: dict[str, Any] = json.loads(text)
        raw["mode"] = Mode(raw["mode"])
        raw["nodes"] = tuple(raw["nodes"])
        return cls(**raw)


def read_state(path: Path) -> SystemState | None:
    """Return the state of a system that runs, None where none does.

    A file whose keeper is gone is a leftover of a killed run and counts as none.
    """
    state = read_state_file(path)
    if state is None or process_started(state.keeper_pid) != state.keeper_started:
        return None
    return state


def read_state_file(path: Path) -> SystemState | None:
    """Return what the file says, whether or not anything of it still runs."""
    try:
        return SystemState.from_json(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        # Written by another version of this program.
        return None


def write_state(path: Path, state: SystemState) -> None:
    """Write the file in one step, readable by its owner only: it holds a secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(state.to_json())
    draft.rename(path)


def process_started(pid: int) -> int | None:
    """Return a process's start time in clock ticks since boot, None when it is gone or dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces; fields are counted from its end.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])
