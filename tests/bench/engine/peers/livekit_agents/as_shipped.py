"""livekit-agents as its worker runs it: `python -m ...as_shipped`.

A real `AgentServer` with its defaults (a process per call, its turn detector) that is given its
jobs here instead of by a LiveKit server. Each job process has its caller inside; what the callers
noticed comes back as files.
"""

import asyncio
import json
import logging
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from livekit.agents import AgentServer, JobContext

from tests.bench.engine.caller import Notes, pump, watch_lag
from tests.bench.engine.figures import Window, row
from tests.bench.engine.host import SETTLE_SECONDS, Run, asked_for, make_callers, tell
from tests.bench.engine.peers.livekit_agents.providers import start_session
from tests.bench.engine.usage import usage

_FOLDER = "BENCH_FOLDER"
_SPEECH = "BENCH_SPEECH"
_START_SECONDS = 240.0


async def serve_job(ctx: JobContext) -> None:
    """Runs in a job process: one call, until the benchmark has seen enough."""
    number = int(ctx.job.room.name.removeprefix("call-"))
    folder, notes = Path(os.environ[_FOLDER]), Notes()
    (caller,) = make_callers(Path(os.environ[_SPEECH]), notes, 1, first=number)
    tasks = [asyncio.ensure_future(pump([caller])), asyncio.ensure_future(watch_lag(notes))]
    session = await start_session(caller)
    (folder / f"{number}.ready").touch()
    while not (folder / "stop").exists():  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    (folder / f"{number}.part").write_text(json.dumps(asdict(notes)))
    (folder / f"{number}.part").rename(folder / f"{number}.json")
    await session.aclose()


async def serve(run: Run) -> None:
    """Runs in the worker: measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {_FOLDER: name, _SPEECH: str(run.speech)}
        server = AgentServer(port=0)
        server.rtc_session(serve_job)
        started = asyncio.Event()
        server.once("worker_started", started.set)
        running = asyncio.ensure_future(server.run(unregistered=True))
        await started.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        idle = usage(os.getpid())
        for number in range(run.calls):
            await server.simulate_job(f"call-{number}", fake_job=True)
        await _wait_for(folder, "*.ready", run.calls)
        await asyncio.sleep(SETTLE_SECONDS)
        begin, first = time.monotonic(), usage(os.getpid())
        await asyncio.sleep(run.seconds)
        window = Window(begin, time.monotonic(), idle, first, usage(os.getpid()))
        (folder / "stop").touch()
        await _wait_for(folder, "*.json", run.calls)
        result = row("livekit-agents-as-shipped", run.calls, _notes(folder), window)
        await server.aclose()
        running.cancel()
    tell(result)


async def _wait_for(folder: Path, pattern: str, count: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while await asyncio.to_thread(_found, folder, pattern) < count:  # noqa: ASYNC110  files
            await asyncio.sleep(0.2)


def _found(folder: Path, pattern: str) -> int:
    return len(list(folder.glob(pattern)))


def _notes(folder: Path) -> Notes:
    every = Notes()
    for path in folder.glob("*.json"):
        for name, values in json.loads(path.read_text()).items():
            getattr(every, name).extend(values)
    return every


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(asked_for()))
