"""The worker of the room benchmark: everything a pod runs, with stand-ins behind the providers.

Real detector, turn-taking, dialog, metrics, call events to Redis, worker protocol and admission.
`--sdk shipped` takes its calls through the LiveKit SDK as it ships instead of Switchboard's media
layer. Answers `{"do": "figures"}` on stdin with the loop lag since the last time.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import numpy as np
import uvloop
from redis.asyncio import Redis

from switchboard_agent.admission import Admission, Limits, RefusalReason
from switchboard_agent.admission_quota import RedisQuota
from switchboard_agent.engine import Engine
from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.loop_watch import LoopWatch
from switchboard_agent.probe.desk import ProbeParts
from switchboard_agent.probe.room import enter
from switchboard_agent.records.redis_stream import RedisStreamRecorder
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.livekit.control import LiveKitRoomControl
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.transport import CallTicket, LiveKitTransport, open_call
from switchboard_agent.worker.connection import WorkerConnection
from switchboard_agent.worker.protocol import Registration
from switchboard_agent.worker.service import Worker, WorkerParts
from tests.agent.live.rig import NoSource, until
from tests.bench.engine.caller import Notes, watch_lag
from tests.bench.engine.standins import CONFIG, Voice, dialogs
from tests.bench.room.echo import EchoEngine
from tests.bench.room.recogniser import ListeningRecogniser
from tests.bench.room.shipped import open_shipped
from tests.bench.room.voice import speak
from tests.support.lines import serve_lines

POOL = "bench"
OURS, SHIPPED = "ours", "shipped"
_MOST_CALLS = 200
_JOINS = 3
"""As workers have it by default."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--url", "--key", "--secret", "--redis"):
        parser.add_argument(name, required=True)
    parser.add_argument("--sdk", choices=(OURS, SHIPPED), default=OURS)
    parser.add_argument("--echo", action="store_true", help="hum instead of taking turns")
    return parser.parse_args(given)


async def serve(given: argparse.Namespace) -> None:
    """Take calls until stdin ends."""
    telemetry, notes = Telemetry(), Notes()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(given.redis))
        records = RedisStreamRecorder(redis, on_dropped=telemetry.events_dropped.inc)
        quota = RedisQuota(redis, on_unshared=telemetry.quota_unshared.inc)
        engine = await stack.enter_async_context(
            Engine(
                stt=ListeningRecogniser(),
                tts=Voice(speak),
                make_dialog=dialogs(telemetry, lambda: lambda: None),
                records=records,
                telemetry=telemetry,
                worker=POOL,
            )
        )
        access = (given.url, given.key, given.secret)
        control = await stack.enter_async_context(LiveKitRoomControl(*access))
        open_transport, ffi = _media(given.sdk, control)
        revisions = RevisionStore(engine.prepare)
        await revisions.put("desk", CONFIG.to_json())
        echo = EchoEngine()
        parts = WorkerParts(
            engine=echo if given.echo else engine,
            admission=Admission(Limits(_MOST_CALLS, max_joins=_JOINS), lambda: 0.0),
            quota=quota,
            revisions=revisions,
            revision_source=NoSource(),
            control=control,
            open_transport=open_transport,
            count_refusal=_say_refused,
            probes=ProbeParts(engine.rehearsal, partial(enter, ffi, control), lambda _: None, POOL),
            livekit_url=given.url,
            drain_seconds=0.0,
        )
        worker = Worker(parts, lambda on_event: _connection(access, on_event))
        lag = LoopLag(telemetry.loop_lag, stack.enter_context(LoopWatch()))
        works = (worker.run(asyncio.Event()), records.run(), quota.run(), lag.run())
        tasks = [asyncio.ensure_future(work) for work in (*works, watch_lag(notes))]
        await until(lambda: worker.registered)
        await serve_lines(partial(_obey, notes, echo))
        del tasks
        os._exit(0)  # native threads have nothing to say any more


def _media(
    sdk: str, control: LiveKitRoomControl
) -> tuple[Callable[[CallTicket], Awaitable[Any]], Any]:
    if sdk == SHIPPED:
        return open_shipped, None
    ffi = FfiDemux(asyncio.get_running_loop(), _stop)

    async def open_ours(ticket: CallTicket) -> LiveKitTransport:
        return await open_call(ffi, control, ticket)

    return open_ours, ffi


def _connection(access: tuple[str, str, str], on_event: Callable[[Any], None]) -> WorkerConnection:
    url, key, secret = access
    registration = Registration(POOL, "bench")
    return WorkerConnection(
        url=url, api_key=key, api_secret=secret, registration=registration, on_event=on_event
    )


async def _obey(notes: Notes, echo: EchoEngine, command: dict[str, Any]) -> dict[str, Any]:
    assert command["do"] == "figures"
    lags, first_words_ms = [ms for _, ms in notes.lags], list(echo.first_words_ms)
    notes.lags.clear()
    echo.first_words_ms.clear()
    late = round(float(np.percentile(lags, 99)), 1) if lags else 0.0
    return {"loop_lag_ms_p99": late, "first_words_ms": first_words_ms}


def _say_refused(reason: RefusalReason) -> None:
    sys.stderr.write(f"refused: {reason}\n")


def _stop(message: str) -> None:
    sys.stderr.write(message)
    os._exit(1)


if __name__ == "__main__":
    uvloop.run(serve(arguments()))
