"""Short-lived commands: run to the end, with an error that says what failed."""

import asyncio
import subprocess
from collections.abc import Sequence

from switchboard_local.errors import LocalError

COMMAND_SECONDS = 120.0


def run_command(
    command: Sequence[str], *, text_in: str | None = None, timeout_seconds: float = COMMAND_SECONDS
) -> str:
    """Run a command and return what it printed; raise with its complaint when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - commands are made by this package, never by a shell
            list(command),
            input=text_in,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalError(f"{command[0]} did not end within {timeout_seconds:.0f} s") from error
    if done.returncode != 0:
        complaint = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise LocalError(f"`{' '.join(command)[:200]}` failed ({done.returncode}): {complaint}")
    return done.stdout


async def run_command_async(
    command: Sequence[str], *, timeout_seconds: float = COMMAND_SECONDS
) -> str:
    """Run a command beside the event loop; as `run_command`."""
    return await asyncio.to_thread(run_command, command, timeout_seconds=timeout_seconds)
