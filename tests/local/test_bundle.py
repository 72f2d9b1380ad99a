"""The namespace bundle on the real kernel: it comes up, stands alone, and leaves nothing."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from switchboard_local.bundle.addresses import bundle_id
from switchboard_local.bundle.control import bundle, down
from switchboard_local.bundle.inside import run_inside
from switchboard_local.bundle.messages import Message
from switchboard_local.errors import BundleError
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, process_started, read_state
from tests.support.leftovers import wait_until_gone

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSettings]:
    """A system of the test's own, beside whatever else runs here."""
    monkeypatch.setenv("SWITCHBOARD_OUT", str(tmp_path / "out"))
    made = LocalSettings.from_environment()
    yield made
    down(made)


@dataclass(frozen=True, slots=True)
class Traces:
    """What a running bundle shows of itself, to be looked for after its end."""

    namespace: str
    interface: str
    out: Path

    def found(self) -> list[str]:
        """Everything of the bundle that is still there."""
        left = []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (
                    process.name.isdigit()
                    and str((process / "ns/pid").readlink()) == self.namespace
                ):
                    left.append(f"process {process.name}")
        if Path("/sys/class/net", self.interface).exists():
            left.append(f"interface {self.interface}")
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        left += [f"mount {line}" for line in mounts if str(self.out) in line]
        name = f"switchboard-{bundle_id(self.out)}"
        left += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"*/{name}")]
        left += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(name)]
        return left


def traces_of(state: SystemState, settings: LocalSettings) -> Traces:
    assert state.network is not None
    number = state.network.split(".")[1]
    return Traces(
        str(Path(f"/proc/{state.init_pid}/ns/pid").readlink()), f"sb-{number}", settings.out
    )


def sysctls() -> dict[str, str]:
    return {name: Path("/proc/sys", name).read_text() for name in SYSCTLS}


def ignore(_message: Message) -> None:
    pass


Start = Callable[[LocalSettings], SystemState]


@pytest.fixture
def start(settings: LocalSettings) -> Iterator[Start]:
    """Bring bundles up and hold them: they end with the test, also when that is killed."""
    del settings  # ends after these
    with contextlib.ExitStack() as stack:

        def up(of: LocalSettings) -> SystemState:
            return stack.enter_context(bundle(of)).wait_up(ignore)

        yield up


def wait_for(what: str, true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def kill_and_wait(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(f"process {pid} still runs", lambda: process_started(pid) is None)


def test_one_that_was_let_go_runs_on_and_after_down_nothing_is_left(
    settings: LocalSettings,
) -> None:
    before = sysctls()
    with bundle(settings) as keeper:
        state = keeper.wait_up(ignore)
        keeper.let_go()
    traces = traces_of(state, settings)
    assert traces.found() != []
    assert read_state(settings.state_file) == state
    began = time.monotonic()
    assert down(settings) is True
    assert time.monotonic() - began < 5
    assert traces.found() == []
    assert read_state(settings.state_file) is None
    assert sysctls() == before


def test_the_machines_settings_stay_as_they_are_while_it_runs(
    settings: LocalSettings, start: Start
) -> None:
    before = sysctls()
    start(settings)
    assert sysctls() == before


@pytest.mark.parametrize("victim", ["keeper", "init"])
def test_after_a_kill_of_one_nothing_is_left_without_any_command(
    settings: LocalSettings, start: Start, victim: str
) -> None:
    state = start(settings)
    traces = traces_of(state, settings)
    kill_and_wait(state.keeper_pid if victim == "keeper" else state.init_pid)
    wait_for("something is left", lambda: traces.found() == [])
    assert read_state(settings.state_file) is None


def test_after_a_kill_of_both_at_once_down_removes_the_rest(
    settings: LocalSettings, start: Start
) -> None:
    state = start(settings)
    traces = traces_of(state, settings)
    assert state.init_pid is not None
    os.kill(state.keeper_pid, signal.SIGSTOP)
    kill_and_wait(state.init_pid)
    kill_and_wait(state.keeper_pid)
    assert down(settings) is False
    assert traces.found() == []


def test_a_crash_of_one_part_ends_all_and_says_which(settings: LocalSettings, start: Start) -> None:
    state = start(settings)
    traces = traces_of(state, settings)
    run_inside(state, ["sh", "-c", "kill -9 $(pidof redis-server)"])
    wait_for("something is left", lambda: traces.found() == [])
    assert "redis ended with signal SIGKILL" in (settings.out / "keeper.log").read_text()


def test_an_interrupted_start_leaves_nothing(settings: LocalSettings) -> None:
    found: list[Traces] = []

    def interrupt(_message: Message) -> None:
        state = read_state(settings.state_file)
        assert state is not None
        found.append(traces_of(state, settings))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), bundle(settings) as keeper:
        keeper.wait_up(interrupt)
    assert found[0].found() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_starter_that_is_stopped_takes_the_unfinished_system_along(
    settings: LocalSettings, how: signal.Signals
) -> None:
    command = [sys.executable, "-c", "from switchboard_cli.main import main; main()"]
    with subprocess.Popen(
        [*command, "local", "up", "--bare"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as starter:
        wait_for("no state", lambda: read_state(settings.state_file) is not None, seconds=60)
        state = read_state(settings.state_file)
        assert state is not None
        traces = traces_of(state, settings)
        os.killpg(starter.pid, how)
    wait_for("something is left", lambda: traces.found() == [])
    assert read_state(settings.state_file) is None


def test_a_second_up_of_the_same_place_is_refused(settings: LocalSettings) -> None:
    with bundle(settings) as keeper:
        keeper.wait_up(ignore)
        with pytest.raises(BundleError, match="starts or holds"), bundle(settings):
            pass
        keeper.let_go()
    with pytest.raises(BundleError, match="is running"), bundle(settings):
        pass


def test_a_bundle_that_is_held_ends_with_the_process_that_holds_it(
    settings: LocalSettings,
) -> None:
    hold = (
        "import sys\n"
        "from switchboard_local.bundle.control import bundle\n"
        "from switchboard_local.settings import LocalSettings\n"
        "with bundle(LocalSettings.from_environment()) as keeper:\n"
        "    keeper.wait_up(str); print('up', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        state = read_state(settings.state_file)
        assert state is not None
        traces = traces_of(state, settings)
        holder.kill()
    wait_for("something is left", lambda: traces.found() == [])
    wait_until_gone(settings.out)
    assert read_state(settings.state_file) is None


def test_two_bundles_run_side_by_side(
    settings: LocalSettings, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(settings)
    monkeypatch.setenv("SWITCHBOARD_OUT", str(tmp_path / "second"))
    other = LocalSettings.from_environment()
    try:
        second = start(other)
        assert second.network != first.network
        for state in (first, second):
            seen = run_inside(state, ["ip", "-brief", "address", "show", "dev", "lo"]).stdout
            assert state.sip_host in seen
    finally:
        down(other)
    assert read_state(settings.state_file) == first


def test_a_command_inside_stays_where_it_was_called_and_dies_with_its_starter(
    settings: LocalSettings, start: Start
) -> None:
    state = start(settings)
    assert run_inside(state, ["pwd"]).stdout.strip() == str(Path.cwd())
    with pytest.raises(BundleError, match="did not end"):
        run_inside(state, ["sleep", "1234.5"], timeout_seconds=1)
    seen = run_inside(state, ["pgrep", "--full", "sleep 1234.5"])
    assert seen.stdout == ""
