"""What processes use, read from /proc by what their command lines say."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROCESSES: Mapping[str, str] = {
    "operator": "switchboard_operator",
    "apiserver": "kube-apiserver",
    "etcd": "etcd",
    "kcm": "kube-controller-manager",
    "livekit": "livekit-server",
    "redis": "redis-server",
}
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds up to now, by kind of process and of the whole machine."""

    by_name: Mapping[str, float]
    busy_s: float

    def since(self, before: "Usage") -> "Usage":
        """Use between two samples."""
        spent = {name: s - before.by_name.get(name, 0.0) for name, s in self.by_name.items()}
        return Usage(spent, self.busy_s - before.busy_s)


def usage() -> Usage:
    """Sample every process."""
    totals = dict.fromkeys(PROCESSES, 0.0)
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if name := _name_of(words):
            totals[name] += (int(fields[11]) + int(fields[12])) / _TICKS
    return Usage(totals, _busy_s())


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * _PAGE_BYTES / 1e6, 1)


def _name_of(words: list[str]) -> str:
    program = Path(words[0]).name
    for name, mark in PROCESSES.items():
        if program == mark or mark in words[1:4]:
            return name
    return ""


def _busy_s() -> float:
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    idle = int(fields[3]) + int(fields[4])
    return (sum(map(int, fields[:8])) - idle) / _TICKS
