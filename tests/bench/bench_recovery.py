"""What a caller hears when a worker is lost: `python -m tests.bench.bench_recovery`.

Two real worker processes, a real LiveKit and Redis, callers that are LiveKit participants and
answer the agent's questions with keys. Each repetition: all calls on one worker, a second one with
free places, the fault at some moment of the conversation; then every call has to go on by itself.
The silence is measured at the caller, from the fault to the first sound of the other worker.

Writes out/bench/recovery.json, one entry per fault; entries of other faults that are there stay.
"""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from switchboard_contract.agent_config import AgentConfig
from switchboard_local.servers import LiveKitServer, RedisServer, livekit_server, redis_server
from tests.agent.live.cut_network import WORKER_HOST, CutNetwork, cut_network
from tests.agent.live.light_callers import LightPhones, light_phones
from tests.agent.live.recovery_rig import (
    Reader,
    Told,
    codes_config,
    dispatch,
    eventually,
    reading,
)
from tests.agent.live.worker_process import Process, worker_process

FAULTS = ("SIGKILL", "SIGSTOP", "network cut")
POOL = "bench"
TALK_SECONDS = 2.0
SPARE_PLACES = 3
"""For calls that are being hung up while their callers redial."""
START_SECONDS = 240.0
DIAL_SECONDS = 0.4
REDIAL_SECONDS = 30.0
WATCH_SECONDS = 6.0
"""How long after the fault the calls are watched: a call not taken up by then counts as lost."""


@dataclass(slots=True)
class Tally:
    """All repetitions of one fault."""

    fault: str
    silences_ms: list[float] = field(default_factory=list)
    calls: int = 0
    lost: int = 0
    repeated: int = 0
    forgotten: int = 0
    records: list[int] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        """What is written."""
        ordered = sorted(self.silences_ms)
        return {
            "fault": self.fault,
            "silence_ms": {
                "p50": _percentile(ordered, 50),
                "p95": _percentile(ordered, 95),
                "max": _percentile(ordered, 100),
            },
            "calls_lost": self.lost,
            "turns_repeated": self.repeated,
            "records_per_call": _mean(self.records),
            "answers_forgotten": self.forgotten,
            "calls": self.calls,
        }


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the workers find what they need."""

    livekit: LiveKitServer
    redis: RedisServer
    network: CutNetwork | None = None


class Repetition:
    """One fault, from the first call to the last record."""

    def __init__(
        self, servers: Servers, reader: Reader, config: AgentConfig, tally: Tally, number: int
    ) -> None:
        self._servers = servers
        self._reader = reader
        self._config = config
        self._tally = tally
        self._rooms: list[str] = []
        self._name = f"{tally.fault.replace(' ', '-').lower()}-{number}"

    async def start_calls(self, phones: LightPhones, calls: int) -> None:
        """So many callers in conversation; who is not understood on a crowded machine redials."""
        dialled = 0
        async with asyncio.timeout(START_SECONDS):
            while len(self._rooms) < calls:
                rooms = [f"{self._name}-{dialled + i}" for i in range(calls - len(self._rooms))]
                dialled += len(rooms)
                for room in rooms:
                    await dispatch(self._servers.livekit, room, POOL, self._config)
                    await phones.call(room)
                    await asyncio.sleep(DIAL_SECONDS)
                await self._talking(phones, rooms)

    async def _talking(self, phones: LightPhones, rooms: list[str]) -> None:
        """Keep the calls that get on; hang up the others."""

        async def all_talk() -> bool:
            calls = await self._reader.calls()
            return all(_about(calls, room).known for room in rooms)

        with contextlib.suppress(TimeoutError):
            await eventually(all_talk, REDIAL_SECONDS)
        calls = await self._reader.calls()
        for room in rooms:
            call = _about(calls, room)
            if call.known and not call.ends:
                self._rooms.append(room)
            else:
                await phones.leave(room)

    async def only_live(self, phones: LightPhones) -> None:
        """Calls that came to their end while the second worker started are no part of this."""
        calls = await self._reader.calls()
        for room in [room for room in self._rooms if _about(calls, room).ends]:
            self._rooms.remove(room)
            await phones.leave(room)

    async def watch(self, phones: LightPhones, fault_at: float) -> None:
        """Measure, hang up, read the records."""
        await asyncio.sleep(WATCH_SECONDS)
        for room in self._rooms:
            self._tally.calls += 1
            silence = await phones.silence_seconds(room, fault_at)
            if silence is None or await phones.gone(room):
                self._tally.lost += 1
            else:
                self._tally.silences_ms.append(silence * 1000)
        for room in self._rooms:
            await phones.leave(room)

        async def all_over() -> bool:
            calls = await self._reader.calls()
            return all(_about(calls, room).ends for room in self._rooms)

        with contextlib.suppress(TimeoutError):
            await eventually(all_over, 40)

    async def judge(self) -> None:
        """What the stream says once everything has come to rest."""
        calls = await self._reader.calls()
        for room in self._rooms:
            call = _about(calls, room)
            self._tally.repeated += call.turns_repeated
            self._tally.forgotten += call.forgotten
            self._tally.records.append(len(call.ends))


def _about(calls: dict[str, Told], room: str) -> Told:
    return calls.get(f"SCL_{room}", Told(()))


async def measure(fault: str, repetitions: int, calls: int, workdir: Path, out: Path) -> None:
    """All repetitions of one fault; what is known is written after each."""
    tally = Tally(fault)
    config = codes_config(POOL)
    async with (
        _servers(fault, workdir) as servers,
        light_phones(servers.livekit) as phones,
        reading(servers.redis) as reader,
    ):
        for number in range(repetitions):
            one = Repetition(servers, reader, config, tally, number)
            async with contextlib.AsyncExitStack() as stack:
                victim = await stack.enter_async_context(
                    _worker(servers, config, workdir, f"one-{number}", calls, cut=True)
                )
                await one.start_calls(phones, calls)
                await stack.enter_async_context(
                    _worker(servers, config, workdir, f"two-{number}", calls, cut=False)
                )
                await asyncio.sleep(TALK_SECONDS + random.random() * 3)  # noqa: S311 any moment
                await one.only_live(phones)
                fault_at = time.time()
                await _strike(fault, victim, servers)
                await one.watch(phones, fault_at)
                await _undo(fault, victim, servers)
            await one.judge()
            _report(tally)
            _write(out, tally.entry())


def _worker(
    servers: Servers, config: AgentConfig, workdir: Path, name: str, calls: int, *, cut: bool
) -> contextlib.AbstractAsyncContextManager[Process]:
    network = servers.network if cut else None
    return worker_process(
        workdir,
        servers.livekit,
        servers.redis,
        config,
        pool=POOL,
        name=name,
        max_calls=calls + SPARE_PLACES,
        # The bench judges what is rescued, not what is let in.
        max_loop_lag_ms=1000,
        inside=network.inside if network else (),
        host=WORKER_HOST if network else "127.0.0.1",
    )


@contextlib.asynccontextmanager
async def _servers(fault: str, workdir: Path) -> AsyncIterator[Servers]:
    if fault == "network cut":
        async with cut_network(workdir / "network") as network:
            yield Servers(network.livekit, network.redis, network)
    else:
        async with (
            redis_server(workdir / "redis") as redis,
            livekit_server(workdir / "livekit", redis) as livekit,
        ):
            yield Servers(livekit, redis)


async def _strike(fault: str, victim: Process, servers: Servers) -> None:
    if servers.network is not None:
        await servers.network.cut()
    else:
        victim.process.send_signal(getattr(signal, fault))


async def _undo(fault: str, victim: Process, servers: Servers) -> None:
    """Let a frozen or cut-off worker come back: what it then does shows in the records."""
    if servers.network is not None:
        await servers.network.heal()
    elif fault == "SIGSTOP":
        victim.process.send_signal(signal.SIGCONT)
    if fault != "SIGKILL":
        await asyncio.sleep(1.0)


def _percentile(ordered: list[float], percent: int) -> float | None:
    if not ordered:
        return None
    rank = max(1, -(-len(ordered) * percent // 100))
    return round(ordered[rank - 1], 1)


def _mean(numbers: list[int]) -> float | None:
    return round(sum(numbers) / len(numbers), 3) if numbers else None


def _report(tally: Tally) -> None:
    print(json.dumps(tally.entry()), file=sys.stderr)  # noqa: T201 progress for who started it


def _write(path: Path, entry: dict[str, Any]) -> None:
    entries = json.loads(path.read_text()) if path.exists() else []
    others = {e["fault"]: e for e in entries if e["fault"] != entry["fault"]}
    merged = others | {entry["fault"]: entry}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([merged[f] for f in FAULTS if f in merged], indent=2) + "\n")


def main() -> int:
    """Measure the faults asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="default: all")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("out/bench/recovery.json"))
    options = parser.parse_args()
    for fault in options.fault or FAULTS:
        with TemporaryDirectory(prefix="recovery-") as workdir:
            asyncio.run(
                measure(fault, options.repetitions, options.calls, Path(workdir), options.out)
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
