"""The engine: many calls in one process, sharing what costs.

One voice activity detector serves all calls in batches, one pacer times all agent audio, and the
providers are shared. A call itself is a handful of objects and one task that waits for its end.

    async with Engine(stt=..., tts=..., make_dialog=ScriptedDialog, ...) as engine:
        await engine.prepare(config)                    # once per agent revision
        outcome = await engine.run_call(config, transport)    # returns when the call is over
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.clock import Clock, LoopClock
from switchboard_agent.dialog.base import Dialog
from switchboard_agent.fixed_phrases import fixed_phrases
from switchboard_agent.probe.checks import Check, Rehearsal
from switchboard_agent.records.base import CallRecorder
from switchboard_agent.recovery.base import CallKeeper, Handover, NoKeeper
from switchboard_agent.session import CallSession, Services
from switchboard_agent.stt.base import SpeechToText
from switchboard_agent.stt.pace import Pace
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import NoTracing, Tracing
from switchboard_agent.transport.base import CallTransport
from switchboard_agent.tts.base import TextToSpeech
from switchboard_agent.tts.kept import KeptPhrases
from switchboard_agent.turn.end_judges import EndJudges
from switchboard_agent.vad.base import VadModel
from switchboard_agent.vad.batcher import VadBatcher
from switchboard_agent.vad.choice import choose_vad
from switchboard_agent.vad.thread import ModelThread
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import Outcome


class Engine:
    """Serves calls; made once per worker process, used as a context manager."""

    def __init__(
        self,
        *,
        stt: SpeechToText,
        tts: TextToSpeech,
        make_dialog: Callable[[AgentConfig], Dialog],
        records: CallRecorder,
        telemetry: Telemetry,
        worker: str = "",
        clock: Clock | None = None,
        vad: VadModel | None = None,
        vad_in_thread: bool = True,
        checks: Mapping[str, Check] | None = None,
        keeper: CallKeeper | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`worker` is the name written into call records; providers are closed by who made them.

        `keeper` makes calls outlive this process.

        `vad_in_thread=False` runs the detector on the event loop, as virtual time needs.
        """
        self._stt = stt
        self._tts = tts
        self._voices = KeptPhrases(tts)
        self._make_dialog = make_dialog
        self._records = records
        self._telemetry = telemetry
        self._worker = worker
        self._clock = clock
        self._vad = vad
        self._vad_in_thread = vad_in_thread
        self._checks = checks or {}
        self._keeper = keeper or NoKeeper()
        self._tracing = tracing or NoTracing()
        self._pace = Pace()
        self._judges = EndJudges(self._count_failure)
        self._stack = AsyncExitStack()
        self._services: Services | None = None

    async def __aenter__(self) -> Self:
        """Start the detector and the pacer. Raises `VadError`."""
        async with AsyncExitStack() as stack:
            thread = stack.enter_context(ModelThread("vad")) if self._vad_in_thread else None
            vad = self._vad or choose_vad(lambda: self._telemetry.vad_fallback.set(1))
            batcher = VadBatcher(vad, thread)
            pacer = Pacer(self._telemetry.frame_lateness.observe)
            stack.callback(pacer.close)
            stack.callback(self._judges.close)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            detector = group.create_task(batcher.run(), name="vad")
            stack.callback(detector.cancel)
            self._services = Services(
                stt=self._stt,
                pace=self._pace,
                tts=self._voices,
                make_dialog=self._make_dialog,
                judges=self._judges,
                batcher=batcher,
                pacer=pacer,
                records=self._records,
                telemetry=self._telemetry,
                tracing=self._tracing,
                clock=self._clock or LoopClock(),
                worker=self._worker,
                keeper=self._keeper,
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Stop detector and pacer. Calls must be over: their tasks belong to the caller."""
        self._services = None
        return await self._stack.__aexit__(exc_type, exc, traceback)

    @property
    def rehearsal(self) -> Rehearsal:
        """The same providers, for whoever tries them out without a call."""
        checks = {"turnModel": self._judges.check, **self._checks}
        return Rehearsal(self._stt, self._tts, self._make_dialog, checks)

    async def prepare(self, config: AgentConfig) -> None:
        """Warm the providers for an agent revision. Raises the providers' errors."""
        dialog = self._make_dialog(config)
        await self._stt.prepare(config)
        await self._tts.prepare(config.tts)
        await self._voices.keep(fixed_phrases(config, dialog), config.tts)
        await self._judges.prepare(config)

    def _count_failure(self, config: AgentConfig) -> None:
        self._telemetry.turn_model_failures.labels(config.tenant, config.key).inc()

    async def run_call(
        self, config: AgentConfig, transport: CallTransport, handover: Handover | None = None
    ) -> Outcome:
        """Serve one call to its end; the transport is hung up when this returns.

        Except where the caller was connected with a human: then the transport is left to who made
        it, and the two to each other.

        `handover` goes on with a call that another worker began.

        What goes wrong inside the call is logged and becomes its outcome. Cancelling hangs up: the
        call is recorded as drained, and the cancellation goes on.
        """
        if self._services is None:
            raise RuntimeError("the engine is not running: enter it with `async with` first")
        return await CallSession(config, transport, self._services, handover).run()
