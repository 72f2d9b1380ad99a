"""Set-up on machines that lack things: what is asked for, and what is left as it was."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORDINARY = ("bash", "cut", "dirname", "env", "grep", "head", "mkdir", "sort", "tail")
"""What the script calls beside what a test puts in its place."""


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """PATH of a machine with Python and Go, and of a user who is not root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ORDINARY:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    assert python is not None
    without_venv = f'case "$*" in *ensurepip*) exit 1;; esac\nexec {python} "$@"'
    program(folder, "python3", without_venv)
    program(folder, "go", "echo go1.26.1")
    program(folder, "id", "echo 1000")
    program(folder, "apt-get", "echo must not run; exit 9")
    return folder


def bootstrap(machine: Path, what: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine), "HOME": str(machine.parent)}
    command = [str(ROOT / "scripts" / "bootstrap"), what]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_user_without_root_is_told_all_packages_at_once_and_none_that_only_pods_need(
    machine: Path,
) -> None:
    done = bootstrap(machine, "all")
    assert done.returncode == 1
    asked = done.stderr.rpartition("apt-get install")[2].split()
    assert {"python3-venv", "redis-server", "sip-tester", "flite"} <= set(asked)
    assert not {"containerd", "runc", "buildah", "mmdebstrap", "nftables"} & set(asked)
    assert "--no-remove" in asked
    assert not (machine.parent / ".cache").exists(), "nothing is done before that"


def test_packages_for_python_alone_are_no_others(machine: Path) -> None:
    done = bootstrap(machine, "python")
    assert done.returncode == 1
    asked = done.stderr.rpartition("apt-get install")[2].split()
    assert asked == ["--no-remove", "--no-install-recommends", "python3-venv"]


def test_a_browser_is_installed_for_tests_and_not_for_a_demo(machine: Path) -> None:
    missing = {
        what: set(bootstrap(machine, what).stderr.rpartition("apt-get install")[2].split())
        for what in ("all", "tests")
    }
    assert missing["tests"] - missing["all"] <= {"chromium-headless-shell"}
    assert "chromium-headless-shell" not in missing["all"]


def test_calls_to_a_system_elsewhere_need_neither_go_nor_servers(machine: Path) -> None:
    (machine / "go").unlink()
    asked = bootstrap(machine, "calls").stderr.rpartition("apt-get install")[2].split()
    assert asked[2:] == ["python3-venv", "sip-tester", "flite"]


def test_without_go_it_says_so_before_anything_else(machine: Path) -> None:
    (machine / "go").unlink()
    done = bootstrap(machine, "all")
    assert done.returncode == 1
    assert "go is missing" in done.stderr
    assert "apt-get" not in done.stderr


def test_a_user_with_sudo_gets_the_packages_installed_by_it(machine: Path) -> None:
    program(machine, "sudo", 'shift; [ "$1" = true ] && exit 0; echo "$@"; exit 9')
    done = bootstrap(machine, "python")
    assert "scripts/install_debian python3-venv" in done.stderr
    assert "apt-get failed" in done.stderr


class Installing:
    """`scripts/install_debian` with an apt-get that looks around."""

    def __init__(self, folder: Path) -> None:
        self.policy = folder / "policy-rc.d"
        self.seen = folder / "seen"
        self._folder = folder

    def run(self, *, apt_get_exit: int = 0) -> subprocess.CompletedProcess[str]:
        look = f'cat "{self.policy}" >"{self.seen}" 2>&1; "{self.policy}"; echo $? >>"{self.seen}"'
        program(self._folder, "apt-get", f'[ "$1" = update ] || {{ {look}; exit {apt_get_exit}; }}')
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(ROOT / "scripts" / "install_debian"), "redis-server"],
            env={"PATH": path, "POLICY_RC_D": str(self.policy)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def installing(tmp_path: Path) -> Installing:
    return Installing(tmp_path)


@pytest.mark.parametrize("apt_get_exit", [0, 100])
def test_no_service_may_start_while_packages_are_installed(
    installing: Installing, apt_get_exit: int
) -> None:
    done = installing.run(apt_get_exit=apt_get_exit)
    assert done.returncode == apt_get_exit
    assert installing.seen.read_text().splitlines()[-1] == "101"
    assert not installing.policy.exists()


def test_a_policy_of_the_machines_own_stays_as_it_is(installing: Installing) -> None:
    installing.policy.write_text("#!/bin/sh\nexit 0\n")
    installing.policy.chmod(0o755)
    installing.run()
    assert installing.policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert installing.seen.read_text().splitlines()[-1] == "0"


def test_what_a_killed_run_left_is_removed_by_the_next(installing: Installing) -> None:
    installing.run()
    policy = installing.seen.read_text().removesuffix("101\n")
    installing.policy.write_text(policy)
    installing.run()
    assert not installing.policy.exists()
