"""What a call costs a whole worker on real LiveKit rooms: `make bench-room`.

    python -m tests.bench.bench_room [--calls N ...] [--sdk ours shipped] [--seconds S] [--add]

A real livekit-server, the worker and the callers are processes of their own on one machine. Callers
are LiveKit participants and send nothing while they are silent; the agent speaks about half of the
time. For each kind of SDK calls are added step by step, to where the worker saturates. Then twenty
calls come at once beside those that are there. Rows of Twilio media streams come from
`tests.bench.twilio_calls`. Processes take real-time priority where the machine allows it. Writes
out/bench/room.json.
"""

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livekit import api

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_local.servers import livekit_server, redis_server
from tests.bench.bench_engine import spoken_sentences
from tests.bench.engine.figures import percentile
from tests.bench.engine.priority import be_realtime
from tests.bench.engine.standins import CONFIG
from tests.bench.engine.usage import Usage, usage
from tests.bench.room.worker import OURS, POOL, SHIPPED
from tests.support.lines import Peer, process

ROOT = Path(__file__).resolve().parents[2]
CALLS = {OURS: (5, 10, 20, 30, 40), SHIPPED: (5, 10, 20, 30)}
TWILIO_CALLS = (10, 50, 100, 150, 200)
BURST = 20
_SETTLE_SECONDS = 6.0
_SATURATED_LAG_MS = 100.0
_SATURATED_GAPS = 3.0
_BURST_SECONDS = 15.0
_WORKER = "tests.bench.room.worker"
_PHONES = "tests.bench.room.phones"

Row = dict[str, Any]


@dataclass(slots=True)
class Stage:
    """Everything that runs while one kind of SDK is measured."""

    livekit: api.LiveKitAPI
    worker: Peer
    phones: Peer
    name: str
    idle: Usage
    calls: int = 0
    answer_ms: list[float] = field(default_factory=list)

    async def ring(self, calls: int = 1) -> int:
        """Calls at once: rooms with the agent dispatched into them; how many could not join."""
        names = [f"{self.name}-{self.calls + number}" for number in range(calls)]
        self.calls += calls
        await asyncio.gather(*map(self._make_room, names))
        return int((await self.phones.ask(do="call", rooms=names))["failed"])

    async def _make_room(self, name: str) -> None:
        dispatch = DispatchMetadata(agent=CONFIG.key, revision=CONFIG.revision)
        agents = [api.RoomAgentDispatch(agent_name=POOL, metadata=dispatch.model_dump_json())]
        request = api.CreateRoomRequest(name=name, departure_timeout=2, agents=agents)
        await self.livekit.room.create_room(request)


async def measure(stage: Stage, sdk: str, calls: int, seconds: float) -> Row:
    """Add calls up to this number, let them settle, and look."""
    before, joined = usage(stage.worker.pid), calls - stage.calls
    while stage.calls < calls:
        await stage.ring()
    await asyncio.sleep(_SETTLE_SECONDS)
    ringing = usage(stage.worker.pid)
    await stage.phones.ask(do="notes")
    await stage.worker.ask(do="figures")
    first, began = usage(stage.worker.pid), time.monotonic()
    await asyncio.sleep(seconds)
    last, took = usage(stage.worker.pid), time.monotonic() - began
    noticed = await stage.phones.ask(do="notes")
    figures = await stage.worker.ask(do="figures")
    latencies = [ms for _, ms in noticed["latencies"]]
    return {
        "transport": "livekit",
        "sdk": sdk,
        "calls": calls,
        "worker_mcore_per_call": mcore(first, last, took, calls),
        "rss_mb_per_call": round((last.resident_mb - stage.idle.resident_mb) / calls, 2),
        "loop_lag_ms_p99": figures["loop_lag_ms_p99"],
        "gaps_per_call_s": round(len(noticed["holes"]) / took / calls, 3),
        "turn_latency_ms": {f"p{rank}": percentile(latencies, rank) for rank in (50, 95)},
        "turns": len(latencies),
        "false_cutoffs": len(noticed["cut_offs"]),
        "join_cpu_seconds": joins(
            before, ringing, (last.cpu_seconds - first.cpu_seconds) / took, joined
        ),
    }


def mcore(first: Usage, last: Usage, seconds: float, calls: int) -> float:
    """Thousandths of a core per call."""
    return round(1000 * (last.cpu_seconds - first.cpu_seconds) / seconds / calls, 1)


def joins(before: Usage, after: Usage, steady: float, joined: int) -> float:
    """Processor seconds of one join: use while calls were added and settled, less their talk.

    The settling time counts as talk of all calls (`steady` cores); that of calls which were there
    while others joined is in the figure, so it is an upper bound.
    """
    spent = after.cpu_seconds - before.cpu_seconds - steady * _SETTLE_SECONDS
    return round(max(0.0, spent) / max(1, joined), 3)


async def burst(stage: Stage, calls: int) -> dict[str, Any]:
    """Calls that come at once: how long until each heard the agent, and how many did."""
    await stage.phones.ask(do="notes")
    began, there = time.monotonic(), stage.calls
    failed = await stage.ring(calls)
    await asyncio.sleep(max(0.0, _BURST_SECONDS - (time.monotonic() - began)))
    noticed = await stage.phones.ask(do="notes")
    waits = [(at - began) * 1000 for at in noticed["greeted"]]
    return {
        "calls": calls,
        "beside": there,
        "failed": failed,
        "greeted": len(waits),
        "first_word_ms": {f"p{rank}": percentile(waits, rank) for rank in (50, 95)},
        "gaps_per_call_s_of_those_there": round(
            len(noticed["holes"]) / _BURST_SECONDS / max(1, there), 3
        ),
    }


@asynccontextmanager
async def staged(folder: Path, sdk: str) -> AsyncIterator[Stage]:
    """Servers, worker and phones for one kind of SDK; gone at the end."""
    async with AsyncExitStack() as stack:
        workdir = folder / sdk
        redis = await stack.enter_async_context(redis_server(workdir))
        server = await stack.enter_async_context(livekit_server(workdir, redis))
        access = ("--url", server.ws_url, "--key", server.api_key, "--secret", server.api_secret)
        words: tuple[str, ...] = (_WORKER, "--sdk", sdk, "--redis", redis.url, *access)
        worker = await stack.enter_async_context(process(words, folder / f"worker-{sdk}.log"))
        speech = str(folder / "speech.npz")
        words = (_PHONES, server.ws_url, server.api_key, server.api_secret, speech)
        phones = await stack.enter_async_context(process(words, folder / f"phones-{sdk}.log"))
        livekit = await stack.enter_async_context(
            api.LiveKitAPI(server.http_url, server.api_key, server.api_secret)
        )
        yield Stage(livekit, worker, phones, sdk, usage(worker.pid))


async def rooms(folder: Path, sdk: str, calls: Sequence[int], seconds: float) -> list[Row]:
    """One kind of SDK, to where it saturates; ours ends with a burst."""
    rows: list[Row] = []
    async with staged(folder, sdk) as stage:
        for number in calls:
            rows.append(await measure(stage, sdk, number, seconds))
            _say(line(rows[-1]))
            if saturated(rows[-1]):
                break
    if rows and sdk == OURS:
        async with staged(folder, sdk) as stage:
            await stage.ring()
            await asyncio.sleep(_SETTLE_SECONDS)
            rows[-1]["burst"] = await burst(stage, BURST)
            _say(json.dumps(rows[-1]["burst"]))
    return rows


def saturated(row: Row) -> bool:
    """Whether more calls would tell nothing."""
    late = row["loop_lag_ms_p99"] > _SATURATED_LAG_MS
    return bool(late or row["gaps_per_call_s"] > _SATURATED_GAPS)


def twilio(seconds: float) -> list[Row]:
    """The same for Twilio media streams, where that benchmark is there."""
    if importlib.util.find_spec("tests.bench.twilio_calls") is None:
        _say("no rows of Twilio media streams: tests.bench.twilio_calls is not there")
        return []
    module = importlib.import_module("tests.bench.twilio_calls")
    rows: list[Row] = []
    for calls in TWILIO_CALLS:
        row = module.measure(calls, seconds)
        if row is None:
            _say(f"one process does not hold {calls} calls of Twilio")
            break
        rows.append(row)
        _say(line(row))
    return rows


def line(row: Row) -> str:
    """One row for a person."""
    turn = row.get("turn_latency_ms", {})
    return (
        f"{row['transport']:8} {row['sdk']:8} {row['calls']:>4} calls "
        f"{row['worker_mcore_per_call']:>7} mcore {row['rss_mb_per_call']:>6} MB "
        f"lag p99 {row['loop_lag_ms_p99']:>6} ms  gaps {row['gaps_per_call_s']:>6}  "
        f"turn {turn.get('p50', '-')}/{turn.get('p95', '-')} ms"
    )


def joined(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """Rows of an earlier run that were not measured again, and the new ones."""

    def key(row: Row) -> tuple[str, str, int]:
        return row["transport"], row["sdk"], row["calls"]

    again = set(map(key, now))
    return sorted([row for row in before if key(row) not in again] + list(now), key=key)


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, nargs="+", help="instead of all numbers")
    parser.add_argument("--sdk", nargs="*", choices=(OURS, SHIPPED), default=(OURS, SHIPPED))
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--no-twilio", action="store_true")
    parser.add_argument("--add", action="store_true", help="keep rows that are not measured again")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    chosen = parser.parse_args()
    be_realtime()
    folder, path = chosen.out / "room", chosen.out / "room.json"
    folder.mkdir(parents=True, exist_ok=True)
    spoken_sentences(folder / "speech.npz")
    rows: list[Row] = []
    for sdk in chosen.sdk:
        calls = chosen.calls or CALLS[sdk]
        rows += asyncio.run(rooms(folder, sdk, calls, chosen.seconds))
    if not chosen.no_twilio:
        rows += twilio(chosen.seconds)
    if chosen.add and path.exists():
        rows = joined(json.loads(path.read_text(encoding="utf-8")), rows)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    _say(f"{path}  (load of the machine {os.getloadavg()[0]:.1f})")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
