"""Runs one call of `switchboard try`: the worker's own engine on the loopback transport."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from typing_extensions import override

from switchboard_agent.dialog.factory import dialog_maker
from switchboard_agent.engine import Engine
from switchboard_agent.llm.models import LanguageModels
from switchboard_agent.recordings import Conversation
from switchboard_agent.records.base import CallRecorder
from switchboard_agent.stt.base import (
    SpeechStream,
    SpeechToText,
    SpeechToTextError,
    Transcript,
)
from switchboard_agent.stt.chosen import ChosenStt
from switchboard_agent.stt.factory import make_stt
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport, Recording
from switchboard_agent.tts.base import TextToSpeechError
from switchboard_agent.tts.chosen import ChosenTts
from switchboard_agent.tts.factory import make_tts
from switchboard_agent.turn.end_model import EndModelError
from switchboard_agent.vad.base import VadError
from switchboard_agent.virtual_time import VirtualTimeLoop
from switchboard_contract.agent_config import AgentConfig

Hold = Callable[[], AbstractContextManager[None]]
Caller = Callable[[LoopbackTransport], Awaitable[None]]
MakeTransport = Callable[[CallInfo], LoopbackTransport]

_LACKS = (VadError, SpeechToTextError, TextToSpeechError, EndModelError)

_POLITE_PAUSE_SECONDS = 0.6
"""A caller waits this long after the agent's last sound before speaking."""
_INTERRUPT_AFTER_SECONDS = 1.5
_GOODBYE_SECONDS = 8.0
"""Silence of the agent after the last turn before the caller hangs up."""


class CannotTryError(Exception):
    """This machine lacks what the call needs; the message says what."""


def cause_of(error: Exception) -> Exception:
    """What began it: task groups wrap what ends them."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def run_call(
    config: AgentConfig,
    records: CallRecorder,
    caller: Caller,
    make_transport: MakeTransport = LoopbackTransport,
) -> Recording:
    """Let `caller` talk to the agent until one of them hangs up; what was said, as sound.

    Raises `CannotTryError`.
    """
    hold = _hold()
    stt = _HeldStt(ChosenStt(partial(make_stt, processes=1)), hold)
    tts = ChosenTts(make_tts)
    telemetry = Telemetry()
    try:
        async with (
            LanguageModels(telemetry) as models,
            Engine(
                stt=stt,
                tts=tts,
                make_dialog=dialog_maker(models),
                records=records,
                telemetry=telemetry,
                worker="try",
                # Virtual time passes whatever a thread is at.
                vad_in_thread=not isinstance(asyncio.get_running_loop(), VirtualTimeLoop),
            ) as engine,
        ):
            await engine.prepare(config)
            info = CallInfo(call_id="try", agent=config.key, revision=config.revision)
            transport = make_transport(info)
            async with asyncio.TaskGroup() as group:
                calling = group.create_task(_ignore_result(caller(transport)))
                try:
                    await engine.run_call(config, transport)
                finally:
                    calling.cancel()
            return transport.recording
    except Exception as error:
        if isinstance(cause := cause_of(error), _LACKS):
            raise CannotTryError(str(cause)) from error
        raise
    finally:
        await stt.aclose()
        await tts.aclose()


def recorded_caller(conversation: Conversation) -> Caller:
    """A caller who says what was recorded, turn by turn, and then lets the agent hang up."""

    async def call(transport: LoopbackTransport) -> None:
        caller = LoopbackCaller(transport)
        async with asyncio.TaskGroup() as group:
            group.create_task(caller.run())
            await caller.wait_for_agent()
            for turn in conversation.turns:
                if turn.interrupts:
                    await asyncio.sleep(_INTERRUPT_AFTER_SECONDS)
                else:
                    await caller.wait_for_silence(_POLITE_PAUSE_SECONDS)
                await caller.say(turn.pcm)
                await caller.wait_for_agent()
            await caller.wait_for_silence(_GOODBYE_SECONDS)
            caller.hang_up()

    return call


async def _ignore_result(work: Awaitable[None]) -> None:
    await work


def _hold() -> Hold:
    """In virtual time, let the clock stand while a helper process works."""
    loop = asyncio.get_running_loop()
    return loop.hold if isinstance(loop, VirtualTimeLoop) else nullcontext


@dataclass(frozen=True, slots=True)
class _HeldStt(SpeechToText):
    """A recogniser whose helper processes take no virtual time."""

    inner: SpeechToText
    hold: Hold

    @override
    async def prepare(self, config: AgentConfig) -> None:
        with self.hold():
            await self.inner.prepare(config)

    @override
    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        return _HeldStream(self.inner.open(config, on_partial), self.hold)

    @override
    async def aclose(self) -> None:
        with self.hold():
            await self.inner.aclose()


@dataclass(frozen=True, slots=True)
class _HeldStream(SpeechStream):
    inner: SpeechStream
    hold: Hold

    @override
    def start_utterance(self) -> None:
        self.inner.start_utterance()

    @override
    def feed(self, frame: Pcm) -> None:
        self.inner.feed(frame)

    @override
    async def end_utterance(self) -> Transcript:
        with self.hold():
            return await self.inner.end_utterance()

    @override
    async def aclose(self) -> None:
        await self.inner.aclose()
