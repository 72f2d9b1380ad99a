"""Prompt-led calls in virtual time: real HTTP to stand-ins that share the loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from switchboard_agent.dialog.factory import dialog_maker
from switchboard_agent.engine import Engine
from switchboard_agent.llm.models import LanguageModels
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import CallInfo
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.agent_config import AgentConfig, CompiledLlm
from switchboard_contract.call_events import (
    CallEnded,
    Outcome,
    ProviderFailed,
    ReplySpoken,
    TurnHeard,
)
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits, Persona, PromptDialog, SttSpec, TtsSpec
from tests.support.openai_server import OpenAiServer
from tests.support.speech_fakes import LoudnessVad, ScriptedStt, ScriptedTts
from tests.support.virtual_time import run_virtual

FALLBACK = "Something went wrong, please say that again."
LABELS = {"tenant": "clinic", "agent": "clinic/desk"}

Caller = Callable[[LoopbackCaller], Awaitable[None]]


def language_model(name: str, url: str, **changes: Any) -> CompiledLlm:  # noqa: ANN401
    wire: dict[str, Any] = {
        "name": name,
        "baseUrl": url,
        "model": "stand-in",
        "temperature": 0.3,
        "maxTokens": 100,
        "firstTokenTimeoutMs": 700,
    }
    return CompiledLlm.model_validate(wire | changes)


def prompt_config(*models: CompiledLlm, **changes: Any) -> AgentConfig:  # noqa: ANN401
    prompt = PromptDialog(
        greeting="This is {agent} of {business}.",
        instructions="Help the callers of {business}.",
        fallback=FALLBACK,
        **changes,
    )
    return AgentConfig(
        namespace="clinic",
        name="desk",
        tenant="clinic",
        language="en-US",
        persona=Persona(name="Ann", business="Smile Dental"),
        prompt=prompt,
        llm=models,
        stt=SttSpec(),
        tts=TtsSpec(),
        turn=TurnSpec(),
        limits=Limits(),
    )


@dataclass
class Served:
    """One call that was made."""

    transport: LoopbackTransport
    records: MemoryRecorder
    outcome: Outcome | None = None

    @property
    def turns(self) -> list[TurnHeard]:
        return [event for event in self.records.events if isinstance(event, TurnHeard)]

    @property
    def replies(self) -> list[ReplySpoken]:
        return [event for event in self.records.events if isinstance(event, ReplySpoken)]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Which provider failed, and how."""
        failed = [event for event in self.records.events if isinstance(event, ProviderFailed)]
        return [(event.provider, event.fault.value) for event in failed]

    @property
    def ended(self) -> CallEnded:
        (end,) = [event for event in self.records.events if isinstance(event, CallEnded)]
        return end


@dataclass
class Worker:
    """A worker's engine with its language models, on the running loop."""

    telemetry: Telemetry
    models: LanguageModels
    tts: ScriptedTts = field(default_factory=ScriptedTts)

    async def call(
        self, config: AgentConfig, words: list[str | Exception], caller: Caller
    ) -> Served:
        """One call whose caller says these words when making a sound."""
        served = Served(
            LoopbackTransport(CallInfo("call", config.key, config.revision)), MemoryRecorder()
        )
        stt = ScriptedStt(words)
        async with Engine(
            stt=stt,
            tts=self.tts,
            make_dialog=dialog_maker(self.models),
            records=served.records,
            telemetry=self.telemetry,
            vad=LoudnessVad(),
            vad_in_thread=False,
        ) as engine:
            person = LoopbackCaller(served.transport)
            pump = asyncio.ensure_future(person.run())
            acting = asyncio.ensure_future(caller(person))
            served.outcome = await engine.run_call(config, served.transport)
            acting.cancel()
            pump.cancel()
            await asyncio.gather(acting, pump, return_exceptions=True)
        assert stt.open_streams == self.tts.open_streams == 0
        return served

    def count(self, name: str, **labels: str) -> float:
        """A sample of the metrics page; 0 where there is none."""
        found = self.telemetry.registry.get_sample_value(name, LABELS | labels)
        return found or 0.0


@asynccontextmanager
async def worker(*servers: OpenAiServer) -> AsyncIterator[Worker]:
    """Serve the stand-ins and open a worker's language models."""
    telemetry = Telemetry()
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server.serve())
        yield Worker(telemetry, await stack.enter_async_context(LanguageModels(telemetry)))
        await asyncio.sleep(0.1)  # stand-ins learn who went away
        assert all(server.answering == 0 for server in servers)


def play(
    servers: list[OpenAiServer],
    act: Callable[[Worker], Awaitable[None]],
) -> None:
    """Run a scene in virtual time."""

    async def main() -> None:
        async with worker(*servers) as made:
            await act(made)

    run_virtual(main())
