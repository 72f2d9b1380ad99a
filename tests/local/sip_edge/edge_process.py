"""The edge as a process, as a user would start it, with its log lines at hand."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from switchboard_local.ports import free_port
from switchboard_local.servers import LiveKitServer

START_S = 60.0
"""Imports alone take seconds on a machine that runs much else."""


@dataclass(slots=True)
class EdgeProcess:
    """A running edge."""

    process: asyncio.subprocess.Process
    address: tuple[str, int]
    lines: list[dict[str, object]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    _stopped: bool = False

    def stop(self) -> None:
        """Ask it to stop, once: a second signal would end it at once."""
        if not self._stopped and self.process.returncode is None:
            self._stopped = True
            self.process.terminate()

    async def read_log(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            with contextlib.suppress(ValueError):  # native libraries write lines of their own
                self.lines.append(json.loads(raw))
                self._news.set()

    async def logged(
        self, event: str, timeout_s: float = 10.0, **fields: object
    ) -> dict[str, object]:
        """Wait for a log line with these fields."""
        wanted = {"event": event, **fields}
        async with asyncio.timeout(timeout_s):
            while True:
                self._news.clear()
                for line in self.lines:
                    if wanted.items() <= line.items():
                        return line
                await self._news.wait()


@contextlib.asynccontextmanager
async def edge_process(
    livekit: LiveKitServer, options: Sequence[str] = ()
) -> AsyncIterator[EdgeProcess]:
    """Run an edge for the block; SIGTERM ends it, and it must end well."""
    first = 20_000 + 2 * (free_port() % 2_800)  # below the range of outgoing sockets
    process = await asyncio.create_subprocess_exec(
        # It dies with the test run, even one that is killed.
        *("setpriv", "--pdeathsig", "KILL", sys.executable),
        *("-m", "switchboard_local.sip_edge", "--port", "0"),
        *("--rtp-ports", f"{first}-{first + 400}"),
        *("--livekit-url", livekit.http_url, "--livekit-key", livekit.api_key),
        *("--livekit-secret", livekit.api_secret, *options),
        stderr=asyncio.subprocess.PIPE,
    )
    edge = EdgeProcess(process, ("", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(edge.read_log())
        try:
            ready = await edge.logged("ready", START_S)
            host, _, port = str(ready["sip"]).rpartition(":")
            edge.address = (host, int(port))
            yield edge
        finally:
            edge.stop()
            code = await asyncio.wait_for(process.wait(), 15.0)
    assert code == 0, edge.lines[-5:]
