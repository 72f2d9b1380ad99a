"""What a killed run may have left: found by its state file and by its name."""

import contextlib
import os
import signal
import time

from switchboard_local.bundle.addresses import bundle_id
from switchboard_local.bundle.cgroups import remove_cgroups
from switchboard_local.servers.control_plane import remove_stale_data
from switchboard_local.settings import LocalSettings
from switchboard_local.state import process_started, read_state_file

GONE_SECONDS = 5.0
"""How long the kernel may take to end a killed bundle."""


def clear_leftovers(settings: LocalSettings) -> None:
    """Remove what an earlier run left; its keeper must be gone.

    Logs and image stores stay. When keeper and process 1 were killed at once, only cgroups and
    the state file are left: the kernel has taken everything else.
    """
    state = read_state_file(settings.state_file)
    if state is not None and state.init_pid is not None and state.init_started is not None:
        _kill(state.init_pid, state.init_started)
    remove_stale_data()
    remove_cgroups(bundle_id(settings.out))
    settings.state_file.unlink(missing_ok=True)


def _kill(pid: int, started: int) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while process_started(pid) == started and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
