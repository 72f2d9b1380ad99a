"""Many calls in one engine: each its own, none left behind."""

import asyncio
import gc
from dataclasses import replace

from switchboard_agent.dialog.base import Dialog, Reply
from switchboard_agent.engine import Engine
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.session import CallSession
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import CallEnded, Outcome, ReplySpoken
from tests.agent.engine.calls import INFO, agent_config
from tests.support.speech_fakes import (
    LoudnessVad,
    ScriptedAnswers,
    ScriptedStt,
    ScriptedTts,
    tone,
)
from tests.support.virtual_time import run_virtual


class Switchboard:
    """An engine and the calls made to it."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.records = MemoryRecorder()
        self.telemetry = Telemetry()
        self.stt = ScriptedStt(["hello"] * calls)
        self.tts = ScriptedTts()
        self.dialogs = 0
        self.tasks_left = -1
        self.outcomes: list[Outcome] = []

    def make_dialog(self, _: AgentConfig) -> Dialog:
        self.dialogs += 1
        return ScriptedAnswers([Reply(f"you are caller {self.dialogs}", end_call=True)])

    async def call(self, engine: Engine, number: int) -> Outcome:
        await asyncio.sleep(number * 0.013)
        transport = LoopbackTransport(replace(INFO, call_id=f"call-{number}"))
        caller = LoopbackCaller(transport)

        async def speak() -> None:
            await caller.wait_for_silence(0.5)
            await caller.say(tone(600 + 7 * number))

        acting = [asyncio.ensure_future(work) for work in (caller.run(), speak())]
        outcome = await engine.run_call(agent_config(), transport)
        await asyncio.gather(*acting)
        return outcome

    async def run(self) -> None:
        async with Engine(
            stt=self.stt,
            tts=self.tts,
            make_dialog=self.make_dialog,
            records=self.records,
            telemetry=self.telemetry,
            vad=LoudnessVad(),
            vad_in_thread=False,
        ) as engine:
            before = len(asyncio.all_tasks())
            self.outcomes = await asyncio.gather(
                *(self.call(engine, number) for number in range(self.calls))
            )
            self.tasks_left = len(asyncio.all_tasks()) - before


def test_forty_calls_at_once_are_forty_conversations() -> None:
    board = Switchboard(40)
    run_virtual(board.run())
    assert board.outcomes == [Outcome.COMPLETED] * 40
    answers = {e.call_id: e.heard for e in board.records.events if isinstance(e, ReplySpoken)}
    assert answers == {f"call-{n}": f"you are caller {n + 1}" for n in range(40)}
    latencies = [
        event.turn_latency_ms
        for event in board.records.events
        if isinstance(event, ReplySpoken) and event.turn_latency_ms is not None
    ]
    assert len(latencies) == 40
    assert max(latencies) < 600


def test_nothing_of_a_call_outlives_it() -> None:
    board = Switchboard(25)
    run_virtual(board.run())
    assert board.tasks_left == 0
    assert board.stt.open_streams == board.tts.open_streams == 0
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, CallSession)]


def test_each_call_ends_once_and_its_events_are_numbered_on_their_own() -> None:
    board = Switchboard(12)
    run_virtual(board.run())
    for number in range(12):
        events = [e for e in board.records.events if e.call_id == f"call-{number}"]
        assert [event.sequence for event in events] == list(range(len(events)))
        assert sum(isinstance(event, CallEnded) for event in events) == 1
