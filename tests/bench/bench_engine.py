"""Density and latency of the engine beside others: `make bench-engine`.

    python -m tests.bench.bench_engine [--quick] [--only ENGINE ...] [--calls N ...] [--add]

Each engine runs in a process pinned to one core, with the same synthetic callers inside it (what
they cost is in every figure) and the same made-up providers. Runs are interleaved: for each number
of calls one engine after the other. Where the machine allows it the measured process has real-time
priority, so that other work delays nobody; what that work does to caches and to the other half of a
core still shows in processor time, for all engines alike. Writes out/bench/engine.json (one object
per engine and number of calls), out/bench/engine/setting.json and docs/images/engine-*.svg.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from switchboard_agent.recordings.make import speak
from switchboard_local.servers import redis_server
from switchboard_local.settings import LocalSettings
from tests.bench.engine import plots, script
from tests.bench.engine.figures import OURS, Row, pooled, saturated, table, with_ratios
from tests.support.otlp_receiver import otlp_receiver

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).parent / "engine" / "peers"
_UV = "uv-0.13.9/bin/uv"
_RUN_TIMEOUT_SECONDS = 420.0
_PRIORITY = 10


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine and how it is run."""

    name: str
    module: str
    environment: str
    """Folder under peers/ with its lock; empty: Switchboard's own environment."""
    calls: tuple[int, ...]
    """Numbers of calls, to where it saturates."""
    note: str


ENGINES = (
    Engine(
        OURS,
        "tests.bench.engine.ours",
        "",
        (1, 10, 25, 40, 100, 200, 300),
        "metrics, loop lag, history and call events to Redis on; dialog led by a language model",
    ),
    Engine(
        "livekit-agents-in-process",
        "tests.bench.engine.peers.livekit_agents.in_process",
        "livekit_agents",
        (1, 10, 25, 40),
        "1.8.9, all sessions in one process, turns end by voice activity alone (its cheapest form)",
    ),
    Engine(
        "livekit-agents-as-shipped",
        "tests.bench.engine.peers.livekit_agents.as_shipped",
        "livekit_agents",
        (1, 10, 25),
        "1.8.9, its AgentServer with all defaults: a process per call, local turn detector",
    ),
    Engine(
        "pipecat",
        "tests.bench.engine.peers.pipecat.in_process",
        "pipecat",
        (1, 10, 25),
        "1.14.0, all pipelines in one process, turns end by voice activity and timeout (its "
        "cheapest form)",
    ),
)
RATIO_CALLS = 40
"""Measured twice, interleaved: the published ratio stands on it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run."""

    engines: tuple[Engine, ...]
    quick: bool

    def runs(self) -> Iterator[tuple[Engine, int]]:
        """Every run, interleaved by number of calls."""
        for calls in sorted({n for engine in self.engines for n in engine.calls}):
            here = [engine for engine in self.engines if calls in engine.calls]
            if self.quick and calls not in (1, 10):
                continue
            twice = calls == RATIO_CALLS and len(here) > 1
            for _ in range(2 if twice else 1):
                for engine in here:
                    yield engine, calls

    def seconds(self, calls: int) -> float:
        """Few calls need longer for as many turns."""
        if self.quick:
            return 10.0
        return 40.0 if calls == 1 else 25.0 if calls == 10 else 15.0


class Bench:
    """Runs engines and keeps what they showed."""

    def __init__(self, folder: Path, redis_url: str, collector_url: str, cache: Path) -> None:
        self._folder = folder
        self._redis_url = redis_url
        self._collector_url = collector_url
        self._cache = cache
        self._core = max(os.sched_getaffinity(0))
        self.realtime = _may_be_realtime()

    def prepare(self, engines: Sequence[Engine]) -> None:
        """Speak the sentences and install what each engine needs."""
        spoken_sentences(self._folder / "speech.npz")
        for name in sorted({engine.environment for engine in engines} - {""}):
            _say(f"environment of {name}")
            subprocess.run(
                [str(self._cache / _UV), "sync", "--frozen", "--quiet", "--project", PEERS / name],
                check=True,
                env=os.environ | {"UV_PROJECT_ENVIRONMENT": str(self._environment(name))},
            )

    def run(self, engine: Engine, calls: int, seconds: float) -> Row | None:
        """One engine at one number of calls; None if it did not come to an end."""
        python = sys.executable
        if engine.environment:
            python = str(self._environment(engine.environment) / "bin" / "python")
        words = [python, "-m", engine.module, "--calls", str(calls), "--seconds", str(seconds)]
        words += ["--speech", str(self._folder / "speech.npz"), "--redis", self._redis_url]
        words += ["--collector", self._collector_url]
        log = self._folder / f"{engine.name}-{calls}.log"
        with log.open("w") as errors:
            try:
                done = subprocess.run(
                    words,
                    cwd=ROOT,
                    env=_environment(),
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    check=True,
                    timeout=_RUN_TIMEOUT_SECONDS,
                    preexec_fn=self._pin,
                )
                return cast("Row", json.loads(done.stdout.splitlines()[-1]))
            except (subprocess.SubprocessError, ValueError, IndexError) as error:
                _say(f"{engine.name} at {calls} calls gave nothing ({error}): see {log}")
                return None

    def _environment(self, name: str) -> Path:
        return self._cache / "bench" / name

    def _pin(self) -> None:
        os.sched_setaffinity(0, {self._core})
        if self.realtime:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))


def spoken_sentences(path: Path) -> None:
    """Speak what the callers say, unless it is there."""
    if not path.exists():
        script.save(path, {text: speak(text) for text in script.SENTENCES})


def _environment() -> dict[str, str]:
    """As the worker's image sets it: one thread for matrix products."""
    return dict(os.environ) | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def _may_be_realtime() -> bool:
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
        os.sched_setscheduler(0, *before)
    except PermissionError:
        return False
    return True


def measure(bench: Bench, plan: Plan, say: Callable[[str], None]) -> list[Row]:
    """Run the plan; an engine that is saturated is asked no further."""
    rows: dict[tuple[str, int], list[Row]] = {}
    full: set[str] = set()
    for engine, calls in plan.runs():
        if engine.name in full and (engine.name, calls) not in rows:
            continue
        result = bench.run(engine, calls, plan.seconds(calls))
        if result is None:
            full.add(engine.name)
            continue
        rows.setdefault((engine.name, calls), []).append(result)
        say(table([result]).splitlines()[-1])
        if engine.name != OURS and saturated(result):
            full.add(engine.name)
    return [pooled(many) for many in rows.values()]


def setting(plan: Plan, bench: Bench, seconds: float) -> dict[str, Any]:
    """What the figures stand on."""
    return {
        "engines": {
            engine.name: {"note": engine.note, "calls": list(engine.calls)}
            for engine in plan.engines
        },
        "callers": "in the measured process, one timer for all, the same code for all engines",
        "core": "one, pinned" + (", real-time priority" if bench.realtime else ""),
        "cores_of_machine": os.cpu_count(),
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "took_seconds": round(seconds),
    }


async def measured(plan: Plan, folder: Path) -> tuple[list[Row], dict[str, Any]]:
    """Start a Redis for the call events and a collector for traces, and measure beside them."""
    cache = LocalSettings.from_environment().cache
    async with redis_server(folder / "servers") as redis, otlp_receiver() as collector:
        bench = Bench(folder, redis.url, collector.url, cache)
        bench.prepare(plan.engines)
        began = time.monotonic()
        _say(table([]))
        rows = await asyncio.to_thread(measure, bench, plan, _say)
        return with_ratios(rows), setting(plan, bench, time.monotonic() - began)


def main() -> int:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [engine.name for engine in ENGINES]
    parser.add_argument("--quick", action="store_true", help="1 and 10 calls, 10 s each, no plots")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="ENGINE")
    parser.add_argument("--calls", type=int, nargs="+", help="only these numbers of calls")
    parser.add_argument("--add", action="store_true", help="keep rows that are not measured again")
    parser.add_argument("--redraw", action="store_true", help="draw the last run again")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images")
    chosen = parser.parse_args()
    path = chosen.out / "engine.json"
    if not chosen.redraw:
        folder = chosen.out / "engine"
        folder.mkdir(parents=True, exist_ok=True)
        engines = tuple(_limited(one, chosen.calls) for one in ENGINES if one.name in chosen.only)
        plan = Plan(engines, chosen.quick)
        rows, around = asyncio.run(measured(plan, folder))
        if chosen.add and path.exists():
            rows = with_ratios(_joined(json.loads(path.read_text(encoding="utf-8")), rows))
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        (folder / "setting.json").write_text(json.dumps(around, indent=1) + "\n", encoding="utf-8")
    rows = json.loads(path.read_text(encoding="utf-8"))
    _say(table(rows))
    for one in rows:
        if one["cpu_ratio"] and one["engine"] != OURS:
            _say(f"{one['engine']}: {one['cpu_ratio']} times the processor at {one['calls']} calls")
    if not chosen.quick:
        plots.draw(rows, chosen.images)
    _say(str(path))
    return 0


def _limited(engine: Engine, calls: Sequence[int] | None) -> Engine:
    wanted = tuple(n for n in engine.calls if calls is None or n in calls)
    return Engine(engine.name, engine.module, engine.environment, wanted, engine.note)


def _joined(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    measured_again = {(one["engine"], one["calls"]) for one in now}
    kept = [one for one in before if (one["engine"], one["calls"]) not in measured_again]
    return [*kept, *now]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
