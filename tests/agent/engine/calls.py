"""A call on the loopback transport with scripted providers, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from switchboard_agent.engine import Engine
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import Tracing
from switchboard_agent.transport.base import FRAME_SAMPLES, CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_agent.vad.base import VadModel
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import CallEnded, Outcome, ReplySpoken, TurnHeard
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits, Persona, SttSpec, TtsSpec
from switchboard_contract.dialog import Intent, Script
from tests.support.speech_fakes import LoudnessVad, ScriptedAnswers, ScriptedStt, ScriptedTts, hush
from tests.support.virtual_time import run_virtual

INFO = CallInfo(call_id="call-1", agent="clinic/desk", revision="abc", caller="+1555", called="+1")


def agent_config(*, turn: TurnSpec | None = None, limits: Limits | None = None) -> AgentConfig:
    script = Script(greeting="Hello.", intents=[Intent(name="bye", phrases=["bye"], hang_up=True)])
    return AgentConfig(
        namespace="clinic",
        name="desk",
        tenant="clinic",
        language="en-US",
        persona=Persona(name="Ann"),
        script=script,
        stt=SttSpec(),
        tts=TtsSpec(),
        turn=turn or TurnSpec(),
        limits=limits or Limits(),
    )


@dataclass
class Call:
    """One call and everything around it."""

    dialog: ScriptedAnswers = field(default_factory=ScriptedAnswers)
    stt: ScriptedStt = field(default_factory=ScriptedStt)
    tts: ScriptedTts = field(default_factory=ScriptedTts)
    config: AgentConfig = field(default_factory=agent_config)
    records: MemoryRecorder = field(default_factory=MemoryRecorder)
    telemetry: Telemetry = field(default_factory=Telemetry)
    tracing: Tracing | None = None
    vad: VadModel = field(default_factory=LoudnessVad)
    make_transport: Callable[[CallInfo], LoopbackTransport] = LoopbackTransport
    early: Pcm = field(default_factory=lambda: hush(0))
    """Said before the engine listens."""
    outcome: Outcome | None = None
    seconds: float = 0.0

    def play(self, script: Callable[[LoopbackCaller], Awaitable[None]]) -> LoopbackTransport:
        """Run the call in virtual time; the wire with its recording."""
        return run_virtual(self.run(script))

    async def run(self, script: Callable[[LoopbackCaller], Awaitable[None]]) -> LoopbackTransport:
        async with Engine(
            stt=self.stt,
            tts=self.tts,
            make_dialog=lambda _: self.dialog,
            records=self.records,
            telemetry=self.telemetry,
            tracing=self.tracing,
            worker="worker-1",
            vad=self.vad,
            vad_in_thread=False,
        ) as engine:
            await engine.prepare(self.config)
            transport = self.make_transport(INFO)
            for start in range(0, len(self.early), FRAME_SAMPLES):
                transport.send(self.early[start : start + FRAME_SAMPLES])
            caller = LoopbackCaller(transport)
            pump = asyncio.ensure_future(caller.run())
            acting = asyncio.ensure_future(script(caller))
            self.outcome = await engine.run_call(self.config, transport)
            self.seconds = asyncio.get_running_loop().time()
            acting.cancel()
            pump.cancel()
            await asyncio.gather(acting, pump, return_exceptions=True)
        return transport

    @property
    def turns(self) -> list[TurnHeard]:
        return [event for event in self.records.events if isinstance(event, TurnHeard)]

    @property
    def replies(self) -> list[ReplySpoken]:
        return [event for event in self.records.events if isinstance(event, ReplySpoken)]

    @property
    def ended(self) -> CallEnded:
        (end,) = [event for event in self.records.events if isinstance(event, CallEnded)]
        assert self.records.events[-1] is end
        return end
