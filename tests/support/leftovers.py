"""Finds every process of one local system, whatever its command line says.

The place a system writes to is its own: its processes have it in their environment, write their
output below it, or name it in their command line. Any one of these gives a process away, also a
helper of a helper, and one that writes over its environment as Redis does.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

GONE_SECONDS = 20.0


def processes_of(out: Path) -> list[str]:
    """Process id and command line of each process of the system that writes there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(process.name) != os.getpid() and any(
                str(out) in text for text in _says(process)
            ):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"{process.name} {command.decode(errors='replace')}")
    return found


def _says(process: Path) -> Iterator[str]:
    for file in ("cmdline", "environ"):
        yield (process / file).read_bytes().decode(errors="replace")
    for output in ("1", "2"):
        with contextlib.suppress(FileNotFoundError):
            yield str((process / "fd" / output).readlink())


def wait_until_gone(out: Path) -> None:
    """Wait until the system has no process; the test fails with those that stay."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := processes_of(out):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
