"""Starting and ending the bundle from a command: what `switchboard local up` and `down` do."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from switchboard_local.bundle.addresses import MAX_NODES
from switchboard_local.bundle.keeper import STAY
from switchboard_local.bundle.leftovers import clear_leftovers
from switchboard_local.bundle.messages import Kind, Message
from switchboard_local.errors import BundleError
from switchboard_local.settings import LocalSettings, process_environment
from switchboard_local.state import SystemState, process_started, read_state
from switchboard_local.tools.debian import missing_packages

DOWN_SECONDS = 15.0
"""How long the keeper may take to clean up before it is helped along."""

OnMessage = Callable[[Message], None]


class RunningKeeper:
    """A keeper this process has started and not let go yet."""

    def __init__(self, process: subprocess.Popen[bytes], settings: LocalSettings) -> None:
        self._process = process
        self._settings = settings

    def wait_up(self, on_message: OnMessage) -> SystemState:
        """Wait until all parts are ready; raise with the first failure."""
        for message in self._messages():
            on_message(message)
            if message.kind is Kind.FAILED:
                raise BundleError(message.text)
            if message.kind is Kind.UP:
                state = read_state(self._settings.state_file)
                if state is None:
                    raise BundleError(f"{self._settings.state_file} is missing")
                return state
        raise BundleError(
            "the local system ended while it was starting", log=self._settings.logs / "keeper.log"
        )

    def wait_end(self) -> None:
        """Stay with a running system; raise when a part of it fails."""
        for message in self._messages():
            if message.kind is Kind.FAILED:
                raise BundleError(message.text)

    def let_go(self) -> None:
        """Leave the system running without this process."""
        if self._process.stdin is not None:
            self._process.stdin.write(STAY)
            self._process.stdin.close()

    def close(self) -> None:
        """End the system, and wait until it is gone, unless it was let go."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            # Without "stay" the end of this pipe ends the system.
            self._process.stdin.close()
            for _ in self._messages():
                pass
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _messages(self) -> Iterator[Message]:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                if (message := Message.from_line(line)) is not None:
                    yield message


@contextlib.contextmanager
def start_keeper(settings: LocalSettings, module: str, *arguments: str) -> Iterator[RunningKeeper]:
    """Start a keeper; it ends with the block unless it was let go."""
    with _one_at_a_time(settings):
        if read_state(settings.state_file) is not None:
            raise BundleError(
                "the local system of this checkout is running",
                remedy="see `switchboard local status`, end it with `switchboard local down`",
            )
        settings.out.mkdir(parents=True, exist_ok=True)
        log_path = settings.out / "keeper.log"
        with log_path.open("wb") as log:
            # It outlives this process once let go, so it is nobody's child from the start.
            command = ["setsid", "--fork", sys.executable, "-m", module, *arguments]
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=process_environment(settings.as_environment()),
            )
            process.wait()
        keeper = RunningKeeper(process, settings)
        try:
            yield keeper
        finally:
            keeper.close()


@contextlib.contextmanager
def bundle(settings: LocalSettings, *, nodes: int = 1) -> Iterator[RunningKeeper]:
    """Start the namespace bundle with real nodes; it ends with the block unless let go."""
    require_root()
    if not 1 <= nodes <= MAX_NODES:
        raise BundleError(f"{nodes} nodes asked for: 1 to {MAX_NODES} fit into a bundle")
    if missing := missing_packages(as_root=True):
        raise BundleError(
            f"Debian packages are missing: {' '.join(missing)}",
            remedy="run: apt-get install --no-remove --no-install-recommends " + " ".join(missing),
        )
    with start_keeper(settings, "switchboard_local.bundle.keeper", str(nodes)) as keeper:
        yield keeper


def require_root() -> None:
    """Raise unless this process may make namespaces, mounts and cgroups."""
    if os.geteuid() != 0:
        raise BundleError(
            "pods need root: cgroups and mounts cannot be made otherwise",
            remedy="run it with sudo, or use --no-pods",
        )


def down(settings: LocalSettings) -> bool:
    """End the system of this checkout and whatever a killed one left; True if one was running."""
    state = read_state(settings.state_file)
    if state is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(state.keeper_pid, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_SECONDS
        while process_started(state.keeper_pid) == state.keeper_started:
            if time.monotonic() > deadline:
                os.kill(state.keeper_pid, signal.SIGKILL)
            time.sleep(0.02)
    clear_leftovers(settings)
    return state is not None


@contextlib.contextmanager
def _one_at_a_time(settings: LocalSettings) -> Iterator[None]:
    path = Path(settings.out, "lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BundleError(
                "another command of this checkout starts or holds the local system",
                remedy="wait for it, end it with Ctrl-C, or end what it holds with "
                "`switchboard local down`",
            ) from None
        yield
