"""One engine in one process: opens the calls, lets them run, and tells what they showed.

Started by the benchmark, pinned to a core; the last line on stdout is the row as JSON.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.engine.caller import Caller, Notes, pump, watch_lag
from tests.bench.engine.figures import Row, Window, row
from tests.bench.engine.script import load
from tests.bench.engine.usage import usage

SETTLE_SECONDS = 5.0
"""Greetings and first turns are not counted."""
_SPREAD_FRAMES = 150
"""First questions are spread over three seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the benchmark asks for."""

    calls: int
    seconds: float
    speech: Path
    redis_url: str
    collector_url: str


def asked_for(arguments: Sequence[str] | None = None) -> Run:
    """Read the command line of an engine's process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--redis", default="")
    parser.add_argument("--collector", default="", help="where traces go by OTLP/HTTP")
    given = parser.parse_args(arguments)
    return Run(given.calls, given.seconds, given.speech, given.redis, given.collector)


def make_callers(speech: Path, notes: Notes, calls: int, first: int = 0) -> list[Caller]:
    """Callers whose questions do not coincide."""
    sentences = load(speech)
    return [
        Caller(sentences, notes, time.monotonic, shift_frames=number * 37 % _SPREAD_FRAMES)
        for number in range(first, first + calls)
    ]


async def measure(
    engine: str, run: Run, open_calls: Callable[[Sequence[Caller]], Awaitable[None]]
) -> Row:
    """Run all calls in this process. `open_calls` returns when they stand."""
    notes = Notes()
    callers = make_callers(run.speech, notes, run.calls)
    idle = usage(os.getpid())
    background = [asyncio.ensure_future(pump(callers)), asyncio.ensure_future(watch_lag(notes))]
    try:
        await open_calls(callers)
        await asyncio.sleep(SETTLE_SECONDS)
        begin, first = time.monotonic(), usage(os.getpid())
        await asyncio.sleep(run.seconds)
        window = Window(begin, time.monotonic(), idle, first, usage(os.getpid()))
    finally:
        for task in background:
            task.cancel()
    return row(engine, run.calls, notes, window)


def tell(result: Row) -> None:
    """Hand the row to the benchmark and end at once: nothing that is left matters."""
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    sys.stdout.flush()
    os._exit(0)
