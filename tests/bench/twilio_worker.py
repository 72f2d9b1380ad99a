"""The worker that `twilio_calls` measures: python -m tests.bench.twilio_worker REDIS CALLS FOLDER.

Prints its port; then, for each line that it reads, what it has used so far.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import uvloop
from redis.asyncio import Redis

from switchboard_agent.admission import Admission, Limits, RefusalReason
from switchboard_agent.admission_quota import RedisQuota
from switchboard_agent.engine import Engine
from switchboard_agent.records.redis_stream import RedisStreamRecorder
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.twilio.side import TwilioParts, twilio_side
from switchboard_agent.worker.service import Worker, WorkerParts
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.line import Line, TwilioLine
from tests.agent.probe.fakes import FakeProbes
from tests.agent.transport.twilio.rig import Me, no_room
from tests.agent.worker.fakes import FakeControl, FakeLink, FakeSource
from tests.bench.engine.caller import Notes, watch_lag
from tests.bench.engine.standins import CONFIG, dialogs
from tests.support.speech_fakes import ScriptedStt, ScriptedTts

NUMBER = "+15550100"
ACCOUNT = "AC" + "0" * 32
TOKEN = "auth-token-of-the-bench"
PUBLIC_URL = "https://voice.example"

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


async def run(redis_url: str, calls: int, folder: Path) -> None:
    """Serve until killed."""
    telemetry = Telemetry()
    redis = Redis.from_url(redis_url)
    records = RedisStreamRecorder(redis, on_dropped=telemetry.events_dropped.inc)
    engine = Engine(
        stt=ScriptedStt(["hello"] * 1_000_000),
        tts=ScriptedTts(),
        make_dialog=dialogs(telemetry, lambda: lambda: None),
        records=records,
        telemetry=telemetry,
    )
    async with engine, asyncio.TaskGroup() as tasks:
        worker, revisions = _worker(engine, redis, telemetry, calls)
        await revisions.put("desk", CONFIG.to_json())
        revisions.lines.put("line", _line(folder).to_json())
        parts = TwilioParts(Me("bench"), redis, worker, revisions.lines, telemetry)
        async with twilio_side(parts, 0) as port:
            tasks.create_task(worker.run(asyncio.Event()))
            tasks.create_task(records.run())
            print(port, flush=True)  # noqa: T201  read by the one who started it
            await _answer_questions(tasks)


def _worker(
    engine: Engine, redis: "Redis", telemetry: Telemetry, calls: int
) -> tuple[Worker, RevisionStore]:
    revisions = RevisionStore(engine.prepare)
    parts = WorkerParts(
        engine=engine,
        admission=Admission(Limits(calls), lambda: 0.0),
        quota=RedisQuota(redis, on_unshared=telemetry.quota_unshared.inc),
        revisions=revisions,
        revision_source=FakeSource(),
        control=FakeControl(),
        open_transport=no_room,
        count_refusal=_refused,
        probes=FakeProbes().parts,
        livekit_url="ws://livekit",
        drain_seconds=0.0,
    )
    return Worker(parts, FakeLink), revisions


def _refused(reason: RefusalReason) -> None:
    print(f"refused: {reason}", file=sys.stderr)  # noqa: T201  for whoever looks on


def _line(folder: Path) -> Line:
    token = folder / "auth-token"
    token.write_text(TOKEN)
    return Line(
        agent=CONFIG.key,
        numbers=(NUMBER,),
        dispatch=DispatchMetadata(agent=CONFIG.key, revision=CONFIG.revision),
        twilio=TwilioLine(
            account_sid=ACCOUNT,
            auth_token_file=str(token),
            public_url=PUBLIC_URL,
            api_url="http://127.0.0.1:1",
        ),
    )


async def _answer_questions(tasks: asyncio.TaskGroup) -> None:
    reader, notes = asyncio.StreamReader(), Notes()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks.create_task(watch_lag(notes))
    while await reader.readline():
        resident, lags = _resident_pages(), [ms for _, ms in notes.lags]
        figures = {
            "cpu": time.process_time(),
            "rss_mb": resident * _PAGE_BYTES / 2**20,
            "lag_ms_p99": float(np.percentile(lags, 99)) if lags else 0.0,
        }
        notes.lags.clear()
        print(json.dumps(figures), flush=True)  # noqa: T201  the answer


def _resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1])


def main() -> None:
    """Serve with what the command line says."""
    redis_url, calls, folder = sys.argv[1:]
    uvloop.run(run(redis_url, int(calls), Path(folder)))


if __name__ == "__main__":
    main()
