"""Running commands inside the bundle: load generators, ctr, diagnosis.

    run_inside(state, ["sipp", ...])                     # to the end
    subprocess.Popen(inside_command(state, [...]), ...)  # or started as the caller likes

A command sees the bundle's network, mounts and processes, the machine's files, and dies with the
process that started it.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from switchboard_local.errors import BundleError
from switchboard_local.state import SystemState


def inside_command(state: SystemState, command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` inside; without a bundle, the command itself."""
    if state.init_pid is None:
        return list(command)
    return [
        *("nsenter", "--target", str(state.init_pid), "--mount", "--net", "--pid"),
        # Entering other mounts leaves a process at their root.
        *("env", f"--chdir={Path.cwd()}"),
        # nsenter waits as parent of the command: what kills it must reach the command.
        *("setpriv", "--pdeathsig", "KILL", "--", *command),
    ]


def run_inside(
    state: SystemState, command: Sequence[str], *, timeout_seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command inside to its end and return what it printed and its exit status."""
    try:
        return subprocess.run(  # noqa: S603 - the caller's command, as asked
            inside_command(state, command),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(
            f"`{' '.join(command)[:100]}` did not end within {timeout_seconds} s"
        ) from error
