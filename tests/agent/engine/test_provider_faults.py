"""A provider that hangs, dies or gives garbage: what its caller hears, when, and who is told.

Every fault strikes one call while another is served by the same engine. The silence before the
reply, and any in it, is at most 1.5 s beside the pause that ends a turn; the failure is counted;
and the other call goes exactly as it goes where nothing fails.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from switchboard_agent.dialog.excuses import GIVE_UP
from switchboard_agent.dialog.factory import dialog_maker
from switchboard_agent.engine import Engine
from switchboard_agent.llm.base import Failure
from switchboard_agent.llm.models import LanguageModels
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.speech_failure import SpeechFailure
from switchboard_agent.stt.base import SpeechStream, Transcript
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import (
    CallEvent,
    Outcome,
    ProviderFailed,
    ProviderFault,
    ReplySpoken,
    TurnHeard,
)
from switchboard_contract.crd.voice_agent import TtsSpec
from tests.agent.llm.rig import FALLBACK, language_model, prompt_config
from tests.support import openai_server
from tests.support.openai_server import OpenAiServer
from tests.support.speech_fakes import LoudnessVad, ScriptedStt, ScriptedTts, tone
from tests.support.virtual_time import run_virtual

STRUCK, OTHER = "en-us", "en-gb"
"""Voices, by which the fakes tell the calls apart."""
GREETING = "This is Ann of Smile Dental."
ANSWER = "We are open. Shall I book a time for you today?"
NOT_HEARD = "Pardon me? I did not hear you."
ENDPOINT_MS, FRAME_MS = 300, 20
FOREVER = 3600.0


class How(StrEnum):
    """What goes wrong."""

    HANGS = "hangs"
    HANGS_MIDWAY = "hangs midway"
    DIES = "dies"
    DIES_MIDWAY = "dies midway"
    GARBAGE = "garbage"


async def fail(how: How) -> None:
    """Hang or die."""
    if how in {How.HANGS, How.HANGS_MIDWAY}:
        await asyncio.sleep(FOREVER)
    raise OSError("scripted")


@dataclass
class FaultyTts(ScriptedTts):
    """Fails on the answers to one voice; "midway" is in the second word."""

    fault: How | None = None

    @override
    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        fault = self.fault if spec.voice == STRUCK else None
        self.open_streams += 1
        try:
            await asyncio.sleep(self.delay_seconds)
            if fault in {How.HANGS, How.DIES}:
                await fail(fault)
            if fault is How.GARBAGE:
                yield b"<html>"  # type: ignore[misc]
            for at, word in enumerate(text.split()):
                if at and fault is not None:
                    await asyncio.sleep(0.1)
                    await fail(fault)
                yield tone((len(word) + 1) * self.ms_per_letter, level=3000)
                await asyncio.sleep(0.01)
        finally:
            self.open_streams -= 1


@dataclass
class FaultyStt(ScriptedStt):
    """Fails on the words of one agent."""

    fault: How | None = None

    @override
    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        fault = self.fault if config.tts.voice == STRUCK else None
        self.open_streams += 1
        return FaultyStream(self, fault)


@dataclass
class FaultyStream:
    stt: FaultyStt
    fault: How | None
    fed: int = 0

    def start_utterance(self) -> None:
        self.fed = 0
        if self.fault is How.DIES:
            raise OSError("scripted")

    def feed(self, frame: Pcm) -> None:
        self.fed += len(frame)
        if self.fault is How.DIES_MIDWAY and self.fed > 8000:
            raise OSError("scripted")

    async def end_utterance(self) -> Transcript:
        if self.fault is How.HANGS:
            await asyncio.sleep(FOREVER)
        await asyncio.sleep(self.stt.delay_seconds)
        garbage: Any = b"\x00" if self.fault is How.GARBAGE else "are you open"
        return Transcript(garbage, final=True)

    async def aclose(self) -> None:
        self.stt.open_streams -= 1


@dataclass
class Scene:
    """One engine with two calls."""

    stt: FaultyStt = field(default_factory=FaultyStt)
    tts: FaultyTts = field(default_factory=FaultyTts)
    model_fault: openai_server.Fault | None = None
    turns: int = 1
    telemetry: Telemetry = field(default_factory=Telemetry)
    records: MemoryRecorder = field(default_factory=MemoryRecorder)
    wires: dict[str, LoopbackTransport] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def play(self) -> "Scene":
        """Make both calls, in virtual time."""
        tts_fault, self.tts.fault = self.tts.fault, None
        run_virtual(self._run(tts_fault))
        assert self.stt.open_streams == self.tts.open_streams == 0
        return self

    def events(self, voice: str) -> list[CallEvent]:
        """What was recorded of a call."""
        return [event for event in self.records.events if event.call_id == voice]

    def replies(self, voice: str = STRUCK) -> list[ReplySpoken]:
        """What was said in a call."""
        return [event for event in self.events(voice) if isinstance(event, ReplySpoken)]

    def failures(self, voice: str = STRUCK) -> list[tuple[str, str, str]]:
        """What the record of a call says of its providers."""
        failed = [event for event in self.events(voice) if isinstance(event, ProviderFailed)]
        return [(event.part.value, event.provider, event.fault.value) for event in failed]

    def count(self, name: str, voice: str = STRUCK, **labels: str) -> float:
        """A sample of the metrics page; 0 where there is none."""
        labels |= {"tenant": "clinic", "agent": f"clinic/{voice}"}
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0

    def silences(self) -> list[float]:
        """Milliseconds from the end of the caller's speech to the answer, and inside of it."""
        recording = self.wires[STRUCK].recording
        spoke = [heard for heard in recording.caller if np.abs(heard.frame).max() > 1000]
        ended = spoke[-1].at_seconds + FRAME_MS / 1000
        sent = [heard.at_seconds for heard in recording.agent if heard.at_seconds >= ended]
        edges = [ended, *sent]
        return [(after - before) * 1000 for before, after in zip(edges, sent, strict=False)]

    async def _run(self, tts_fault: How | None) -> None:
        def reply(conversation: openai_server.Conversation) -> str:
            return ANSWER if "are you open" in conversation[-1]["content"] else NOT_HEARD

        async with AsyncExitStack() as stack:
            servers = {voice: OpenAiServer(reply=reply) for voice in (STRUCK, OTHER)}
            for server in servers.values():
                await stack.enter_async_context(server.serve())
            servers[STRUCK].fault = self.model_fault
            models = await stack.enter_async_context(LanguageModels(self.telemetry))
            engine = await stack.enter_async_context(
                Engine(
                    stt=self.stt,
                    tts=self.tts,
                    make_dialog=dialog_maker(models),
                    records=self.records,
                    telemetry=self.telemetry,
                    vad=LoudnessVad(),
                    vad_in_thread=False,
                )
            )
            configs = [_config(voice, server.url) for voice, server in servers.items()]
            for config in configs:
                await engine.prepare(config)
            self.tts.fault = tts_fault
            async with asyncio.TaskGroup() as calls:
                for config in configs:
                    calls.create_task(self._call(engine, config))

    async def _call(self, engine: Engine, config: AgentConfig) -> None:
        voice = config.tts.voice
        wire = self.wires[voice] = LoopbackTransport(CallInfo(voice, config.key, config.revision))
        caller = LoopbackCaller(wire)
        acting = [asyncio.ensure_future(work) for work in (caller.run(), self._speak(caller))]
        self.outcomes[voice] = await engine.run_call(config, wire)
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)

    async def _speak(self, caller: LoopbackCaller) -> None:
        for _ in range(self.turns):
            await caller.wait_for_silence(0.5)
            await caller.say(tone(1000))
            await caller.wait_for_agent()
            await caller.wait_for_silence(2.0)
        await caller.wait_for_silence(5.0)
        caller.hang_up()


def _config(voice: str, url: str) -> AgentConfig:
    config = prompt_config(language_model(f"model-{voice}", url))
    return config.model_copy(update={"name": voice, "tts": TtsSpec(voice=voice)})


Fault = openai_server.Fault
PROVIDERS = {"stt": "pocketsphinx", "llm": f"model-{STRUCK}", "tts": "espeak-ng"}
SPEECH, MODEL = "switchboard_speech_failures_total", "switchboard_llm_failures_total"


@dataclass(frozen=True)
class Case:
    """A fault, and what is to come of it."""

    where: str
    how: How | Fault
    says: str
    """The reply as the caller hears it."""
    reason: str
    times: int = 1
    """How often the failure is counted: a synthesiser's with each try, of each of two clauses."""
    audible_ms: float = 1500
    """From the end of the turn to the reply, at most."""


CASES = [
    Case("stt", How.HANGS, NOT_HEARD, "silent"),
    Case("stt", How.DIES, NOT_HEARD, "broke_off", audible_ms=300),
    Case("stt", How.DIES_MIDWAY, NOT_HEARD, "broke_off", audible_ms=300),
    Case("stt", How.GARBAGE, NOT_HEARD, "garbage", audible_ms=300),
    Case("llm", Fault.SILENT, FALLBACK, "silent"),
    Case("llm", Fault.NO_TEXT, FALLBACK, "silent"),
    Case("llm", Fault.STALLS, f"We are open. {FALLBACK}", "broke_off"),
    Case("llm", Fault.DIES, f"We are open. {FALLBACK}", "broke_off"),
    Case("llm", Fault.GARBAGE, FALLBACK, "garbage", audible_ms=300),
    Case("llm", Fault.HTML, FALLBACK, "garbage", audible_ms=300),
    Case("tts", How.HANGS, FALLBACK, "silent"),
    Case("tts", How.HANGS_MIDWAY, f"We {FALLBACK}", "silent"),
    Case("tts", How.DIES, FALLBACK, "error", times=4),
    Case("tts", How.DIES_MIDWAY, f"We We {FALLBACK}", "broke_off", times=4),
    Case("tts", How.GARBAGE, FALLBACK, "garbage", times=4),
]


def scene_of(case: Case) -> Scene:
    fault = case.how
    if isinstance(fault, Fault):
        return Scene(model_fault=fault)
    if case.where == "stt":
        return Scene(stt=FaultyStt(fault=fault))
    return Scene(tts=FaultyTts(fault=fault))


def counted(scene: Scene, case: Case, voice: str = STRUCK) -> float:
    if case.where == "llm":
        return scene.count(MODEL, voice, provider=f"model-{voice}", reason=case.reason)
    return scene.count(SPEECH, voice, part=case.where, reason=case.reason)


def course(scene: Scene) -> list[str]:
    """What happened in the other call."""
    told = [scene.outcomes[OTHER].value]
    for event in scene.events(OTHER):
        match event:
            case TurnHeard():
                told.append(f"{event.text} at {event.speech_ended_call_ms}")
            case ReplySpoken():
                told.append(f"{event.text} / {event.heard}")
            case _:
                told.append(event.type)
    return told


def latencies(scene: Scene) -> list[float]:
    """How late the other caller's answers were."""
    return [r.turn_latency_ms for r in scene.replies(OTHER) if r.turn_latency_ms is not None]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.where} {case.how}")
def test_the_caller_hears_something_in_time_it_is_counted_and_no_other_call_notices(
    case: Case,
) -> None:
    scene = scene_of(case).play()
    reply = scene.replies()[1]
    assert reply.text == reply.heard == case.says
    first, *inside = scene.silences()
    assert first <= ENDPOINT_MS + case.audible_ms + FRAME_MS
    assert max(inside) <= 1500 + FRAME_MS
    assert counted(scene, case) == case.times
    assert scene.failures() == [(case.where, PROVIDERS[case.where], case.reason)], "of all tries"
    assert scene.outcomes == dict.fromkeys((STRUCK, OTHER), Outcome.CALLER_HUNG_UP)

    assert counted(scene, case, OTHER) == 0
    assert scene.failures(OTHER) == []
    alone = Scene().play()
    assert course(scene) == course(alone)
    assert latencies(scene) == pytest.approx(latencies(alone), abs=FRAME_MS + 0.1), (
        "but for the tick"
    )


def test_without_a_fault_nothing_is_counted() -> None:
    scene = Scene().play()
    assert [reply.heard for reply in scene.replies()] == [GREETING, ANSWER]
    assert not [
        sample
        for family in scene.telemetry.registry.collect()
        for sample in family.samples
        if sample.name in {SPEECH, MODEL} and sample.value
    ]


def test_an_excuse_is_no_answer_and_the_third_in_a_row_ends_the_call() -> None:
    scene = Scene(tts=FaultyTts(fault=How.DIES), turns=3).play()
    assert [reply.heard for reply in scene.replies()] == [GREETING, FALLBACK, FALLBACK, GIVE_UP]
    assert scene.outcomes == {STRUCK: Outcome.COMPLETED, OTHER: Outcome.CALLER_HUNG_UP}


def test_a_dead_provider_is_recorded_once_for_each_turn() -> None:
    scene = Scene(tts=FaultyTts(fault=How.DIES), turns=2).play()
    assert scene.count(SPEECH, part="tts", reason="error") > 2
    failed = [event for event in scene.events(STRUCK) if isinstance(event, ProviderFailed)]
    assert [event.turn for event in failed] == [0, 1], "answers are begun before the turn is over"
    assert "scripted" not in "".join(event.model_dump_json() for event in failed)


def test_the_record_knows_every_failure_that_a_metric_can_name() -> None:
    faults = {fault.value for fault in ProviderFault}
    assert faults == {*SpeechFailure, *Failure, "skipped"}
