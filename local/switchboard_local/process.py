"""One server process: started, waited for, watched and stopped.

The process dies with its starter, even when that is killed and cannot clean up: the kernel sends
it SIGKILL (`setpriv --pdeathsig`). So a test run that ends badly leaves no server behind.
"""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

from switchboard_local.errors import PartFailedError
from switchboard_local.part import Part
from switchboard_local.settings import process_environment

ASK_AGAIN_SECONDS = 0.05
"""Pause between two readiness questions."""

STOP_SECONDS = 5.0
"""How long a process may take to leave after SIGTERM before it is killed."""

LAST_WORDS_LINES = 5
"""Lines of the log shown in an error."""


class RunningPart:
    """A started part."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, log: Path) -> None:
        self.part = part
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """Process id, in the caller's process namespace."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    async def ended(self) -> PartFailedError:
        """Wait until the process ends by itself and return what that means."""
        status = await self._process.wait()
        how = f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
        return PartFailedError(
            f"{self.part.name} ended with {how}: {_last_words(self.log)}", log=self.log
        )

    async def wait_ready(self) -> None:
        """Ask until the part is ready; raise when it ends first or takes too long."""
        deadline = time.monotonic() + self.part.ready_within_seconds
        while why := await self.part.probe.why_not_ready():
            if self._process.returncode is not None:
                raise await self.ended()
            if time.monotonic() > deadline:
                raise PartFailedError(
                    f"{self.part.name} was not ready within "
                    f"{self.part.ready_within_seconds:.0f} s: {why}",
                    log=self.log,
                )
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def stop(self, *, grace_seconds: float = STOP_SECONDS) -> None:
        """End the process: SIGTERM, then SIGKILL when it does not leave in time."""
        if grace_seconds <= 0:
            await self.kill()
        elif self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(grace_seconds):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
        await self._process.wait()

    async def kill(self) -> None:
        """End the process at once, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


async def start(part: Part, logs: Path) -> RunningPart:
    """Write the part's files and start its process; it is not ready yet."""
    for host, port in part.listens:
        _require_free(part.name, host, port)
    for directory in (logs, *part.directories):
        directory.mkdir(parents=True, exist_ok=True)
    for path, text in part.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    if part.prepare is not None:
        await part.prepare()
    log = logs / f"{part.name}.log"
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", *part.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=process_environment(part.environment),
            start_new_session=True,
        )
    return RunningPart(part, process, log)


@contextlib.asynccontextmanager
async def running(part: Part, logs: Path) -> AsyncIterator[RunningPart]:
    """Run a part for the length of the block; it is ready when the block begins."""
    started = await start(part, logs)
    try:
        await started.wait_ready()
        yield started
    finally:
        await started.stop()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-LAST_WORDS_LINES:]
    return " | ".join(lines)[-800:] or "it logged nothing"


def _require_free(name: str, host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PartFailedError(
                f"{name} cannot listen on {host}:{port}: {error.strerror}",
                remedy=f"see who does: ss -ltnp 'sport = :{port}'",
            ) from error
