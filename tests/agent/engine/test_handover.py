"""A call that another worker began: the same call goes on, and its record stays one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from switchboard_agent.clock import LoopClock
from switchboard_agent.dialog.base import LOST
from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.engine import Engine
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.recovery.base import Handover, HeldCall
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import CloseReason
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import (
    CallEnded,
    CallRecovered,
    CallStarted,
    KeysSent,
    Outcome,
)
from switchboard_contract.call_record import fold
from switchboard_contract.crd.voice_agent import Limits
from switchboard_contract.dialog import Intent, Script
from switchboard_contract.recovery import EPOCH_STRIDE, CallSnapshot
from tests.agent.engine.calls import INFO, agent_config
from tests.support.speech_fakes import LoudnessVad, ScriptedStt, ScriptedTts, tone
from tests.support.virtual_time import run_virtual

Caller = Callable[[LoopbackCaller], Awaitable[None]]


class Ledger:
    """A keeper that remembers what a crash would leave."""

    def __init__(self) -> None:
        self.calls: dict[str, HeldCall] = {}
        self.kept: list[CallSnapshot] = []
        self.given: list[str] = []
        self.takers = True
        self.slow_seconds = 0.0

    def hold(self, call: HeldCall) -> None:
        self.calls[call.call_id] = call
        self.changed(call.call_id)

    def changed(self, call_id: str) -> None:
        if call_id in self.calls:
            self.kept.append(self.calls[call_id].describe())

    async def keep_now(self, call_id: str) -> None:
        self.changed(call_id)
        await asyncio.sleep(self.slow_seconds)

    def give_away(self, call_id: str) -> bool:
        self.given.append(call_id)
        return self.takers

    def release(self, call_id: str) -> None:
        self.calls.pop(call_id, None)


class Served:
    """One worker's part of a call."""

    def __init__(self, words: list[str | Exception] | None = None, *, job_id: str = "AJ_1") -> None:
        self.job_id = job_id
        self.records = MemoryRecorder()
        self.ledger = Ledger()
        self.stt = ScriptedStt(words or [])
        self.transport: LoopbackTransport | None = None
        self.outcome: Outcome | None = None
        self.seconds = 0.0

    async def serve(
        self, caller: Caller, config: AgentConfig, handover: Handover | None = None
    ) -> None:
        self.transport = LoopbackTransport(replace(INFO, job_id=self.job_id, room="r"))
        async with Engine(
            stt=self.stt,
            tts=ScriptedTts(),
            make_dialog=ScriptedDialog,
            records=self.records,
            telemetry=Telemetry(),
            worker="worker-2" if handover else "worker-1",
            vad=LoudnessVad(),
            vad_in_thread=False,
            keeper=self.ledger,
        ) as engine:
            person = LoopbackCaller(self.transport)
            pump = asyncio.ensure_future(person.run())
            acting = asyncio.ensure_future(caller(person))
            self.outcome = await engine.run_call(config, self.transport, handover)
            self.seconds = asyncio.get_running_loop().time()
            acting.cancel()
            pump.cancel()
            await asyncio.gather(acting, pump, return_exceptions=True)

    @property
    def said(self) -> list[str]:
        return [e.text for e in self.records.events if e.type == "reply.spoken"]


async def silent(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(1000)


async def mumbling(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
    await caller.wait_for_silence(0.5)
    caller.hang_up()


def first_part() -> Served:
    served = Served(["mumble", "mumble"])
    run_virtual(served.serve(mumbling, agent_config()))
    return served


def handed_over(served: Served, *, config: AgentConfig | None = None, age_ms: int = 0) -> Served:
    """The call goes on in another worker after the last snapshot."""
    later = Served()

    async def go_on() -> None:
        clock_now = round(asyncio.get_running_loop().time() * 1000)
        last = served.ledger.kept[-1]
        if age_ms:
            started = LoopClock().unix_ms() - age_ms
            last = last.model_copy(update={"started_unix_ms": started})
        handover = Handover(last, epoch=2, waited_ms=300, taken_up_ms=clock_now)
        await later.serve(silent, config or agent_config(), handover)

    run_virtual(go_on())
    return later


def test_a_call_is_kept_after_every_turn() -> None:
    served = first_part()
    assert [kept.turns for kept in served.ledger.kept][-1] == 2
    assert {kept.turns for kept in served.ledger.kept} == {0, 1, 2}
    assert served.ledger.calls == {}


def test_what_is_being_said_is_kept_until_it_has_been_heard() -> None:
    served = first_part()
    saying = [kept.saying for kept in served.ledger.kept]
    assert "Hello." in saying
    assert saying[-1] == ""


def test_the_next_worker_bridges_and_asks_again() -> None:
    later = handed_over(first_part())
    assert later.said[0] == f"{LOST} What can I do for you?"


def test_events_go_on_behind_those_of_the_first_worker() -> None:
    first = first_part()
    later = handed_over(first)
    events = later.records.events
    assert [e.sequence for e in events] == [2 * EPOCH_STRIDE + n for n in range(len(events))]
    assert isinstance(events[0], CallRecovered)
    assert (events[0].worker, events[0].turns, events[0].lost_ms) == ("worker-2", 2, 300)
    assert not any(isinstance(e, CallStarted) for e in events)
    alive = [e for e in first.records.events if not isinstance(e, CallEnded)]
    (record,) = fold([*events, *alive, *events]).values()
    assert record.workers == ("worker-1", "worker-2")
    assert record.recoveries == 1
    assert [turn.turn for turn in record.turns] == [1, 2]
    assert record.outcome is later.outcome


def test_a_call_does_not_become_longer_by_changing_hands() -> None:
    config = agent_config(limits=Limits(max_call_seconds=60))
    later = handed_over(first_part(), config=config, age_ms=50_000)
    assert later.outcome is Outcome.MAX_DURATION
    assert 9 < later.seconds < 11


def test_an_agent_that_is_put_out_says_so_and_does_not_end_the_call_as_the_caller_would() -> None:
    served = Served()

    async def put_out(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        caller.hang_up(CloseReason.REMOVED)

    run_virtual(served.serve(put_out, agent_config()))
    assert served.outcome is Outcome.REMOVED


def test_a_call_that_nobody_could_join_again_is_not_kept() -> None:
    served = Served(["mumble", "mumble"], job_id="")
    run_virtual(served.serve(mumbling, agent_config()))
    assert served.ledger.kept == []


def broken_line(served: Served) -> Served:
    async def breaks(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        caller.hang_up(CloseReason.LOST)

    run_virtual(served.serve(breaks, agent_config()))
    return served


def test_a_call_whose_line_broke_is_left_to_the_pool_and_not_ended() -> None:
    served = broken_line(Served())
    assert served.ledger.given == [INFO.call_id]
    assert not any(isinstance(e, CallEnded) for e in served.records.events)


def test_a_call_whose_line_broke_ends_if_nobody_can_have_it() -> None:
    served = Served()
    served.ledger.takers = False
    (end,) = [e for e in broken_line(served).records.events if isinstance(e, CallEnded)]
    assert end.outcome is Outcome.TRANSPORT_FAILED


async def asks_for_a_menu(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()
    await caller.wait_for_silence(3)
    caller.hang_up()


def calls_a_menu(served: Served) -> AgentConfig:
    menu = Intent(name="menu", phrases=["mumble"], say="Billing please.", keys="12#")
    script = Script(greeting="Hello.", intents=[menu])
    config = agent_config().model_copy(update={"script": script})
    run_virtual(served.serve(asks_for_a_menu, config))
    return config


def pressed(served: Served) -> list[str]:
    return [event.dtmf for event in served.records.events if isinstance(event, KeysSent)]


def test_keys_are_pressed_by_one_worker_only() -> None:
    served = Served(["mumble"])
    config = calls_a_menu(served)
    assert pressed(served) == ["12#"]
    during = [kept for kept in served.ledger.kept if kept.keys]
    after = served.ledger.kept[served.ledger.kept.index(during[-1]) + 1 :]
    assert {(kept.saying, kept.keys) for kept in during} == {("Billing please.", "12#")}

    served.ledger.kept = during
    lost_while_speaking = handed_over(served, config=config)
    assert lost_while_speaking.said[0] == f"{LOST} Billing please."
    assert pressed(lost_while_speaking) == ["12#"]
    served.ledger.kept = after[:1]
    assert pressed(handed_over(served, config=config)) == []


def test_no_key_is_pressed_before_it_is_kept_that_it_will_be() -> None:
    quick, slow = Served(["mumble"]), Served(["mumble"])
    slow.ledger.slow_seconds = 0.7
    for served in (quick, slow):
        calls_a_menu(served)
    (soon,) = [e for e in quick.records.events if isinstance(e, KeysSent)]
    (later,) = [e for e in slow.records.events if isinstance(e, KeysSent)]
    assert later.at_call_ms - soon.at_call_ms == 700
