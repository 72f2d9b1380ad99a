"""Switchboard in the benchmark: the engine as a worker runs it.

Metrics, loop lag, history, call events to a real Redis and traces are on; the dialog is the one
that language models lead. Only what stands behind the providers' seams is made up.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache

import uvloop
from redis.asyncio import Redis

from switchboard_agent.engine import Engine
from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.loop_watch import LoopWatch
from switchboard_agent.records.redis_stream import RedisStreamRecorder
from switchboard_agent.stt.base import SpeechStream, Transcript
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import make_tracing
from switchboard_agent.transport.base import CallInfo, Listener, Transferred
from switchboard_contract.agent_config import AgentConfig
from tests.bench.engine.caller import Caller
from tests.bench.engine.host import Run, asked_for, measure, tell
from tests.bench.engine.script import Pcm, voice
from tests.bench.engine.standins import CONFIG, Voice, dialogs

_CALLER: ContextVar[Caller] = ContextVar("caller")
"""Whose call is being set up: what a provider would know from its connection."""
_CALLS_PER_SECOND = 50.0


@dataclass(slots=True)
class _Ear:
    """A streaming recogniser: it has the words 100 ms after they were spoken."""

    on_partial: Callable[[Transcript], None]
    words: list[str] = field(default_factory=list)

    def heard(self, text: str) -> None:
        self.words.append(text)
        self.on_partial(Transcript(" ".join(self.words), final=True))

    def start_utterance(self) -> None:
        """Words may have come before: the detector is slower than the recogniser."""

    def feed(self, frame: Pcm) -> None:
        """The caller says when its words are known."""

    async def end_utterance(self) -> Transcript:
        text, self.words = " ".join(self.words), []
        return Transcript(text, final=True)

    async def aclose(self) -> None:
        """Nothing to free."""


class _Recogniser:
    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:  # noqa: ARG002 the seam
        ear = _Ear(on_partial)
        _CALLER.get().on_words = ear.heard
        return ear

    async def aclose(self) -> None:
        """Nothing to free."""


class _Wire:
    """The transport: the caller is at its other end."""

    def __init__(self, info: CallInfo, caller: Caller) -> None:
        self.info = info
        self._caller = caller

    def attach(self, listener: Listener) -> None:
        self._caller.send = listener.on_audio

    def play(self, frame: Pcm) -> None:
        self._caller.hear(len(frame))

    async def transfer(self, to: str) -> Transferred:
        raise AssertionError("this dialog transfers nobody", to)

    async def hang_up(self) -> None:
        self._caller.send = None


async def serve(run: Run) -> None:
    """Measure."""
    telemetry = Telemetry()
    tracing = make_tracing(run.collector_url, "bench", "bench")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tracing.aclose)
        redis = await stack.enter_async_context(Redis.from_url(run.redis_url))
        records = RedisStreamRecorder(redis, on_dropped=telemetry.events_dropped.inc)
        engine = await stack.enter_async_context(
            Engine(
                stt=_Recogniser(),
                tts=Voice(cache(voice)),
                make_dialog=dialogs(telemetry, lambda: _CALLER.get().asked),
                records=records,
                telemetry=telemetry,
                tracing=tracing,
                worker="bench",
            )
        )
        watch = stack.enter_context(LoopWatch())
        tasks = [
            asyncio.ensure_future(records.run()),
            asyncio.ensure_future(tracing.run()),
            asyncio.ensure_future(LoopLag(telemetry.loop_lag, watch).run()),
        ]

        async def call(number: int, caller: Caller) -> None:
            _CALLER.set(caller)
            info = CallInfo(f"call-{number}", CONFIG.key, CONFIG.revision)
            await engine.run_call(CONFIG, _Wire(info, caller))

        async def open_calls(callers: Sequence[Caller]) -> None:
            for number, caller in enumerate(callers):
                tasks.append(asyncio.ensure_future(call(number, caller)))
                await asyncio.sleep(1 / _CALLS_PER_SECOND)

        result = await measure("switchboard", run, open_calls)
        tell(result)


if __name__ == "__main__":
    uvloop.run(serve(asked_for()))
