"""Processor time of the system's processes, read from /proc by what their command lines say.

Works across the local system's namespaces because a process in an inner namespace is visible from
the outer one. Where the process that all of the system descends from is known, only its descendants
count: another system on the machine is none of this one's cost. What is reported is processor time
over call time: the average cost of one call.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from switchboard_loadtest.errors import LoadTestError

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "livekit-server": ("livekit-server",),
    "sip": ("switchboard_local.sip_edge", "livekit-sip"),
    "worker": ("switchboard_agent",),
    "operator": ("switchboard_operator",),
    "redis": ("redis-server",),
    "kubernetes": (
        *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"),
        *("etcd", "containerd", "coredns"),
    ),
}
"""Name in reports -> texts of which one stands in the command line."""

CALLERS = "callers"
"""The load generator: this process and SIPp."""

REST = "rest"
"""Whatever else descends from the system's first process."""

_PARENT, _UTIME, _STIME = 1, 11, 12
"""Places in /proc/PID/stat after the command name in parentheses."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose processes count."""

    system: int | None = None
    """Process that all of the system descends from; None counts those of the whole machine."""
    callers: int | None = None
    """The load generator's process; its children are SIPp."""


@dataclass(frozen=True, slots=True)
class CpuSample:
    """Processor seconds of each kind of process, and of the whole machine, up to now."""

    by_process: Mapping[tuple[str, int], float]
    busy_s: float

    def since(self, before: "CpuSample") -> "CpuUse":
        """Use between two samples; a process that came between counts from its start."""
        names = (*PROCESSES, REST, CALLERS)
        used: dict[str, float] = dict.fromkeys(names, 0.0)
        counts: dict[str, int] = dict.fromkeys(names, 0)
        for (name, pid), seconds in self.by_process.items():
            used[name] += seconds - before.by_process.get((name, pid), 0.0)
            counts[name] += 1
        return CpuUse(used, counts, self.busy_s - before.busy_s)


@dataclass(frozen=True, slots=True)
class CpuUse:
    """Processor seconds over a run."""

    by_name: Mapping[str, float]
    processes: Mapping[str, int]
    busy_s: float
    """Of the whole machine, everything included."""

    def mcore_per_call(self, call_seconds: float) -> dict[str, float]:
        """Thousandths of a core for one call; only of what ran."""
        if call_seconds <= 0:
            return {}
        return {
            name: 1000 * seconds / call_seconds
            for name, seconds in self.by_name.items()
            if self.processes[name]
        }


def sample(scope: Scope, proc: Path = Path("/proc")) -> CpuSample:
    """Read all processes once. A child that is nothing by itself belongs to its parent."""
    ticks = os.sysconf("SC_CLK_TCK")
    names: dict[int, str | None] = {}
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # it ended between the two looks
        pid, fields = int(entry.name), stat.rpartition(")")[2].split()
        names[pid] = CALLERS if pid == scope.callers else name_of(command.decode(errors="replace"))
        parents[pid] = int(fields[_PARENT])
        seconds[pid] = (int(fields[_UTIME]) + int(fields[_STIME])) / ticks
    by_process = {
        (name, pid): seconds[pid] for pid in names if (name := _counted(pid, names, parents, scope))
    }
    return CpuSample(by_process, busy_seconds((proc / "stat").read_text().splitlines(), ticks))


def _counted(
    pid: int, names: Mapping[int, str | None], parents: Mapping[int, int], scope: Scope
) -> str | None:
    """What a process counts as; None where it does not."""
    name = inherited(pid, names, parents)
    if scope.system is None or name == CALLERS:
        return name
    return (name or REST) if scope.system in _line_of(pid, parents) else None


def _line_of(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    """The process, its parent, and so on."""
    while pid in parents:
        yield pid
        pid = parents[pid]


def inherited(pid: int, names: Mapping[int, str | None], parents: Mapping[int, int]) -> str | None:
    """Name of the nearest process of interest, from a process up through its parents."""
    while pid in names:
        if names[pid] is not None:
            return names[pid]
        pid = parents[pid]
    return None


def name_of(command: str) -> str | None:
    """Which of the processes of interest a command line is."""
    return next(
        (name for name, texts in PROCESSES.items() if any(text in command for text in texts)), None
    )


def busy_seconds(lines: Iterable[str], ticks: int) -> float:
    """All processors' time that was neither idle nor waiting for a disk."""
    for line in lines:
        if line.startswith("cpu "):
            user, nice, system, _idle, _wait, irq, soft, *_ = (int(v) for v in line.split()[1:])
            return (user + nice + system + irq + soft) / ticks
    raise LoadTestError("/proc/stat has no line for all processors", "run on Linux")
