import os
from pathlib import Path

import pytest

from switchboard_loadtest import cpu
from switchboard_loadtest.cpu import CpuSample, Scope

_TICKS = os.sysconf("SC_CLK_TCK")


def _process(proc: Path, pid: int, parent: int, command: str, seconds: int) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "cmdline").write_bytes(command.replace(" ", "\0").encode())
    fields = ["S", str(parent), *["0"] * 9, str(seconds * _TICKS), "0"]
    (folder / "stat").write_text(f"{pid} (a (strange) name) {' '.join(fields)}")


def test_processes_are_found_by_command_line_and_children_count_to_their_parent(
    tmp_path: Path,
) -> None:
    (tmp_path / "stat").write_text(f"cpu  {5 * _TICKS} 0 {_TICKS} 99 9 0 0 0 0 0\ncpu0 1 2 3\n")
    _process(tmp_path, 1, 0, "init", 50)
    _process(tmp_path, 10, 1, "python -m switchboard_agent", 3)
    _process(tmp_path, 11, 10, "helper", 2)
    _process(tmp_path, 12, 1, "bin/livekit-server --config x", 4)
    assert cpu.sample(Scope(), tmp_path) == CpuSample(
        {("worker", 10): 3, ("worker", 11): 2, ("livekit-server", 12): 4}, 6
    )


def test_only_what_descends_from_the_systems_first_process_counts_and_the_callers(
    tmp_path: Path,
) -> None:
    (tmp_path / "stat").write_text("cpu  0 0 0 0 0 0 0 0 0 0\n")
    _process(tmp_path, 1, 0, "init", 50)
    _process(tmp_path, 20, 1, "python -m switchboard_local.bundle.keeper", 1)
    _process(tmp_path, 21, 20, "unshare", 2)
    _process(tmp_path, 22, 21, "kube-apiserver", 3)
    _process(tmp_path, 23, 21, "containerd-shim-runc-v2", 4)
    _process(tmp_path, 24, 23, "python -m switchboard_agent", 5)
    _process(tmp_path, 30, 1, "python -m switchboard_agent", 60)
    _process(tmp_path, 31, 1, "livekit-server", 70)
    _process(tmp_path, 40, 1, "switchboard loadtest", 6)
    _process(tmp_path, 41, 40, "sipp", 7)
    found = cpu.sample(Scope(system=21, callers=40), tmp_path)
    assert found.by_process == {
        ("rest", 21): 2,
        ("kubernetes", 22): 3,
        ("kubernetes", 23): 4,
        ("worker", 24): 5,
        ("callers", 40): 6,
        ("callers", 41): 7,
    }


def test_use_is_what_came_between_two_samples() -> None:
    before = CpuSample({("worker", 10): 3.0, ("sip", 5): 1.0}, 10.0)
    after = CpuSample({("worker", 10): 5.0, ("worker", 11): 1.0, ("sip", 5): 1.0}, 16.0)
    use = after.since(before)
    assert use.by_name["worker"] == 3.0
    assert use.busy_s == 6.0
    assert use.mcore_per_call(60) == {"worker": pytest.approx(50), "sip": 0}
    assert use.mcore_per_call(0) == {}
