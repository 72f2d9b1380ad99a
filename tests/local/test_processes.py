"""The local system without root: the same parts on 127.0.0.1, and the same clean end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchboard_local.bundle.control import down, start_keeper
from switchboard_local.settings import LocalSettings
from switchboard_local.state import Mode, process_started, read_state
from switchboard_local.status import ask_all
from switchboard_local.up import UpOptions, held_system
from tests.support.leftovers import processes_of, wait_until_gone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

BARE = UpOptions(pods=False, bare=True)
HOLD = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may ignore it
from switchboard_local.settings import LocalSettings
from switchboard_local.up import UpOptions, held_system
with held_system(LocalSettings.from_environment(), UpOptions(pods=False, bare=True), str):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSettings]:
    monkeypatch.setenv("SWITCHBOARD_OUT", str(tmp_path / "out"))
    made = LocalSettings.from_environment()
    yield made
    down(made)


def test_everything_answers_and_down_ends_it(settings: LocalSettings) -> None:
    with start_keeper(settings, "switchboard_local.processes.keeper", "--bare") as keeper:
        state = keeper.wait_up(lambda _: None)
        keeper.let_go()
    assert state.mode is Mode.PROCESSES
    answers = asyncio.run(ask_all(state))
    assert answers == {"Kubernetes": None, "LiveKit": None, "Redis": None, "SIP": None}
    assert down(settings) is True
    wait_until_gone(settings.out)
    assert read_state(settings.state_file) is None


def test_after_a_kill_of_the_keeper_no_process_is_left(settings: LocalSettings) -> None:
    with held_system(settings, BARE, lambda _: None) as held:
        assert len(processes_of(settings.out)) >= 6
        os.kill(held.state.keeper_pid, signal.SIGKILL)
        wait_until_gone(settings.out)
        assert process_started(held.state.keeper_pid) is None
        assert read_state(settings.state_file) is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_a_system_that_is_held_ends_with_the_process_that_holds_it(
    settings: LocalSettings, how: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        assert read_state(settings.state_file) is not None
        holder.send_signal(how)
        holder.wait()
    wait_until_gone(settings.out)
    assert read_state(settings.state_file) is None
