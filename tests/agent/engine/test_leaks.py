"""A thousand calls in a row through one engine leave nothing behind, in virtual time."""

import asyncio
import gc
import os
import threading
from pathlib import Path

import numpy as np

from switchboard_agent.engine import Engine
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import CallInfo
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import CallEnded, CallEvent, Outcome
from tests.agent.engine.calls import agent_config
from tests.support.speech_fakes import LoudnessVad, ScriptedAnswers, ScriptedStt, ScriptedTts, tone
from tests.support.virtual_time import run_virtual

CALLS = 1000
WARM_CALLS = 200
"""Caches and pools fill meanwhile."""
LOOK_EVERY = 50
MOST_BYTES_PER_CALL = 1000
"""Slope over the calls after those; the smallest object of a call that could stay (its transport,
say, or a timer with its closure) weighs more."""


class CountingRecorder:
    """Counts what a real recorder would have sent away."""

    def __init__(self) -> None:
        self.ended: dict[Outcome, int] = {}

    def record(self, event: CallEvent) -> None:
        if isinstance(event, CallEnded):
            self.ended[event.outcome] = self.ended.get(event.outcome, 0) + 1


class Exchange:
    """One engine, and calls that come and go."""

    def __init__(self) -> None:
        self.stt, self.tts = ScriptedStt(), ScriptedTts(ms_per_letter=10)
        self.records = CountingRecorder()
        self.engine = Engine(
            stt=self.stt,
            tts=self.tts,
            make_dialog=lambda _: ScriptedAnswers(),
            records=self.records,
            telemetry=Telemetry(),
            vad=LoudnessVad(),
            vad_in_thread=False,
        )
        self.config = agent_config()

    async def call(self, number: int) -> None:
        """A turn and a goodbye; every third caller leaves in the middle of it."""
        info = CallInfo(f"call-{number}", self.config.key, self.config.revision)
        transport = LoopbackTransport(info)
        caller = LoopbackCaller(transport)
        self.stt.texts = ["goodbye"]
        async with asyncio.TaskGroup() as tasks:
            pump = tasks.create_task(caller.run())
            acting = tasks.create_task(self._act(caller, leaves=number % 3 == 0))
            await self.engine.run_call(self.config, transport)
            pump.cancel()
            acting.cancel()
        self.stt.utterances.clear()
        self.tts.spoken.clear()

    async def _act(self, caller: LoopbackCaller, *, leaves: bool) -> None:
        await caller.wait_for_silence(0.1)
        await caller.say(tone(200))
        await caller.wait_for_agent()
        if leaves:
            caller.hang_up()


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


async def many_calls(exchange: Exchange) -> dict[str, list[int]]:
    """Sizes seen at every fiftieth call once the engine is warm."""
    seen: dict[str, list[int]] = {"bytes": [], "objects": [], "tasks": [], "files": []}
    async with exchange.engine:
        for number in range(CALLS):
            await exchange.call(number)
            if number >= WARM_CALLS and number % LOOK_EVERY == 0:
                seen["objects"].append(objects())
                seen["bytes"].append(resident_bytes())
                seen["tasks"].append(len(asyncio.all_tasks()))
                seen["files"].append(open_files())
    return seen


def slope(values: list[int]) -> float:
    """Growth from one call to the next."""
    return float(np.polyfit(np.arange(len(values)) * LOOK_EVERY, values, 1)[0])


def test_a_thousand_calls_in_a_row_leave_no_task_file_stream_or_memory() -> None:
    threads = threading.active_count()
    exchange = Exchange()
    seen = run_virtual(many_calls(exchange))

    assert exchange.records.ended == {Outcome.COMPLETED: 666, Outcome.CALLER_HUNG_UP: 334}
    assert exchange.stt.open_streams == exchange.tts.open_streams == 0
    assert len(set(seen["tasks"])) == 1
    assert len(set(seen["files"])) == 1
    assert threading.active_count() == threads
    assert abs(slope(seen["objects"])) < 0.2, seen["objects"]
    assert slope(seen["bytes"]) < MOST_BYTES_PER_CALL, seen["bytes"]
