"""Turns, interruptions and answers as a phone hears them: `make bench-phone`.

    python -m tests.bench.bench_phone [--calls N ...] [--codec NAME]

SIPp callers with recorded speech, the SIP edge, a real livekit-server and a whole worker with the
stand-in providers of `bench-engine`, each a process of its own. Everything is measured in the
caller's RTP. The media path alone is measured the same way, by an agent that hums as soon as it
hears something; it also tells how much of a first word spoken at once is heard. Stops when calls
fail or sound breaks up. Processes take real-time
priority where the machine allows it. Writes out/bench/phone.json.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livekit import api

from switchboard_cli.local_system import speech_cache
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_loadtest import report
from switchboard_loadtest.caller_script import CallerScript, Says
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_loadtest.voiced import FRAME_MS
from switchboard_local.servers import LiveKitServer, livekit_server, redis_server
from tests.bench.engine.figures import percentile
from tests.bench.engine.priority import be_realtime
from tests.bench.engine.standins import CONFIG
from tests.bench.engine.usage import usage
from tests.bench.room.worker import POOL
from tests.local.sip_edge.edge_process import EdgeProcess, edge_process
from tests.support.lines import Peer, process

ROOT = Path(__file__).resolve().parents[2]
CALLS = (1, 5, 10, 15, 20)
NUMBER = "+15550180"
_CALLS_PER_SECOND = 2.0
_MOST_GAPS = 1.0
"""Gaps per call and second above which the machine holds no more."""
_MOST_ROUNDS = 2
_TURNS_PER_CALL = 3
_FEWEST_TURNS = 20
"""Few calls are placed again until there are so many turns."""

TALKER = CallerScript(
    name="asks and interrupts",
    hang_up_ms=36_000,
    says=(
        Says(at_ms=2000, text="what are your opening hours"),
        Says(at_ms=13_000, text="i would like to book an appointment"),
        Says(at_ms=19_000, text="actually no wednesday would be better", barge_in=True),
        Says(at_ms=30_000, text="that is all thank you", answered=False),
    ),
)
HELLOS = CallerScript(
    name="says hello at once and again",
    hang_up_ms=10_000,
    says=tuple(Says(at_ms=at, text="hello") for at in (0, 2500, 4500, 6500, 8500)),
)
_callers = itertools.count(15_553_000_001, 1000)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """The path from phone to worker."""

    server: LiveKitServer
    edge: EdgeProcess
    worker: Peer
    folder: Path

    async def call(self, script: CallerScript, calls: int, codec: str) -> Run:
        """Place calls."""
        first = next(_callers)
        host, port = self.edge.address
        return await run(
            Settings(
                target=Target(host, port, NUMBER, "", ""),
                script=script,
                codec=codec_by_name(codec),
                calls=calls,
                calls_per_second=_CALLS_PER_SECOND,
                folder=self.folder / str(first),
                speech_cache=speech_cache(),
                first_caller=first,
            )
        )

    def cpu_seconds(self) -> dict[str, float]:
        """Use of each process up to now."""
        pids = {"sfu": self.server.pid, "sip": self.edge.process.pid, "worker": self.worker.pid}
        return {name: usage(pid).cpu_seconds for name, pid in pids.items()}


@asynccontextmanager
async def staged(folder: Path, *, echo: bool) -> AsyncIterator[Stage]:
    """Start everything; gone at the end."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(folder))
        server = await stack.enter_async_context(livekit_server(folder, redis))
        access = ("--url", server.ws_url, "--key", server.api_key, "--secret", server.api_secret)
        words: tuple[str, ...] = ("tests.bench.room.worker", "--redis", redis.url, *access)
        words += ("--echo",) if echo else ()
        worker = await stack.enter_async_context(process(words, folder / "worker.log"))
        edge = await stack.enter_async_context(edge_process(server))
        await connect_number(server)
        yield Stage(server, edge, worker, folder)


async def connect_number(server: LiveKitServer) -> None:
    """A trunk and a rule that lead to the worker, as the operator makes them."""
    dispatch = DispatchMetadata(agent=CONFIG.key, revision=CONFIG.revision)
    agents = [api.RoomAgentDispatch(agent_name=POOL, metadata=dispatch.model_dump_json())]
    prefix = api.SIPDispatchRuleIndividual(room_prefix="phone-")
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        trunk = await client.sip.create_inbound_trunk(
            api.CreateSIPInboundTrunkRequest(
                trunk=api.SIPInboundTrunkInfo(name="bench", numbers=[NUMBER])
            )
        )
        rule = api.SIPDispatchRuleInfo(
            name="bench",
            rule=api.SIPDispatchRule(dispatch_rule_individual=prefix),
            trunk_ids=[trunk.sip_trunk_id],
            room_config=api.RoomConfiguration(departure_timeout=2, agents=agents),
        )
        await client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=rule))


def spread(values: Sequence[float]) -> Row:
    """Median and 95th percentile."""
    return {"p50": percentile(values, 50), "p95": percentile(values, 95)}


def floors_ms(done: Run) -> list[float]:
    """From the onset of each later hello to the hum that answers it."""
    found: list[float] = []
    for call in done.calls:
        view = call.view
        if view.leg.answered_ns is None:
            continue
        for one in done.track.spoken[1:]:
            if one.onset_frame >= len(view.sent_ns):
                continue
            onset = (view.sent_ns[one.onset_frame] - view.leg.answered_ns) / 1e6
            answers = (span.start_ms for span in view.agent_speech if span.start_ms > onset)
            answer = next(answers, None)
            if answer is not None and answer - onset < 1000:
                found.append(answer - onset)
    return found


def lost_ms(done: Run, heard_ms: Sequence[float]) -> float | None:
    """How much of the first hello the agent did not hear, at the median."""
    first = done.track.spoken[0]
    said_ms = (first.last_frame - first.onset_frame + 1) * FRAME_MS
    return percentile([max(0.0, said_ms - heard) for heard in heard_ms], 50)


async def floor(folder: Path, calls: int, codec: str) -> Row:
    """The media path alone."""
    async with staged(folder, echo=True) as stage:
        done = await stage.call(HELLOS, calls, codec)
        await asyncio.sleep(1)
        figures = await stage.worker.ask(do="figures")
        return {
            "media_floor_ms": spread(floors_ms(done)),
            "first_word_lost_ms": lost_ms(done, figures["first_words_ms"]),
        }


async def talk(folder: Path, calls: int, codec: str) -> Row:
    """Calls with turns and interruptions."""
    async with staged(folder, echo=False) as stage:
        before = stage.cpu_seconds()
        rounds = -(-_FEWEST_TURNS // (_TURNS_PER_CALL * calls))
        runs = [await stage.call(TALKER, calls, codec) for _ in range(min(rounds, _MOST_ROUNDS))]
        spent = {name: s - before[name] for name, s in stage.cpu_seconds().items()}
    every = [call for one in runs for call in one.calls]
    seconds = sum(one.call_seconds for one in runs)
    gaps = sum(len(call.view.gaps_ms) for call in every)
    answers = [c.view.leg.answer_ms for c in every if c.view.leg.answer_ms is not None]
    return {
        "turn_latency_ms": spread(report.turn_latencies(every)),
        "barge_in_stop_ms": spread(report.barge_in_stops(every)),
        "answer_ms": spread(answers),
        "gaps_per_call_s": round(gaps / max(1.0, seconds), 3),
        "mcore": {name: round(1000 * s / max(1.0, seconds), 1) for name, s in spent.items()},
        "turns": len(report.turn_latencies(every)),
        "placed": len(every),
        "answered": len(answers),
    }


async def measure(folder: Path, calls: int, codec: str) -> Row:
    """One number of calls at once."""
    here = folder / str(calls)
    alone = await floor(here / "floor", calls, codec)
    spoken = await talk(here / "talk", calls, codec)
    return {"calls": calls, "sip": "edge", "codec": codec, **spoken, **alone}


def full(row: Row) -> bool:
    """Whether the machine holds no more."""
    return bool(row["answered"] < row["placed"] or row["gaps_per_call_s"] > _MOST_GAPS)


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, nargs="+", default=list(CALLS))
    parser.add_argument("--codec", default="G722")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    chosen = parser.parse_args()
    be_realtime()
    rows: list[Row] = []
    for calls in chosen.calls:
        rows.append(asyncio.run(measure(chosen.out / "phone", calls, chosen.codec)))
        _say(json.dumps(rows[-1]))
        path = chosen.out / "phone.json"
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        if full(rows[-1]):
            break
    _say(f"{path}  (load of the machine {os.getloadavg()[0]:.1f})")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
