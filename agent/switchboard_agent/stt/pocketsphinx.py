"""Speech recognition without an account: pocketsphinx in a few helper processes.

    feed (20 ms) -> batched to 60 ms -> pipe -> helper process -> words so far, words

Each call has a stream, but a decoder only while its caller speaks; utterances go to the helper
that has the fewest. What callers may say is compiled once (dictionary and language model) in a
process of its own and loaded into every helper before the first call needs it.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from typing_extensions import override

from switchboard_agent.stt.base import SpeechStream, SpeechToText, SpeechToTextError, Transcript
from switchboard_agent.stt.compiler import REFUSED, order_of
from switchboard_agent.stt.process import HelperProcess, Receiver
from switchboard_agent.stt.wire import Kind, Message, unpack_parts
from switchboard_agent.transport.base import Pcm
from switchboard_contract.agent_config import AgentConfig

_COMPILE: Final = (sys.executable, "-m", "switchboard_agent.stt.compiler")
_BATCH_FRAMES: Final = 3
"""Frames per message: each costs a system call here and there, and delays the words by 20 ms of
audio, 1 ms of decoding.
"""
_FINAL_TIMEOUT_S: Final = 3.0
"""A final takes 30 to 50 ms; who waits for seconds has lost the turn anyway."""
_STUCK_S: Final = 3.0
"""A process that owes answers and gave none for this long is ended. One that is merely overloaded
goes on answering: ending it would fail all its other callers.
"""
_LOAD_TIMEOUT_S: Final = 30.0
_MAX_MODELS: Final = 256
"""Scripts kept loaded; the one prepared longest ago is dropped first."""


class PocketsphinxStt(SpeechToText):
    """A pool of recogniser processes."""

    def __init__(self, processes: int = 2, final_timeout_s: float = _FINAL_TIMEOUT_S) -> None:
        self._final_timeout_s = final_timeout_s
        self._compiled: dict[int, tuple[bytes, bytes]] = {}
        self._numbers: dict[str, int] = {}
        self._helpers = [HelperProcess(self._compiled) for _ in range(processes)]
        self._runner: asyncio.Task[None] | None = None
        self._next_model = itertools.count(1)
        self._next_utterance = itertools.count(1 << 16)
        self._preparing = asyncio.Lock()

    @override
    async def prepare(self, config: AgentConfig) -> None:
        order = order_of(config)
        async with self._preparing:
            if order in self._numbers:
                return
            if self._runner is None:
                self._runner = asyncio.create_task(self._run_helpers())
            number = next(self._next_model)
            self._compiled[number] = await _compile(order)
            try:
                async with asyncio.timeout(_LOAD_TIMEOUT_S), asyncio.TaskGroup() as group:
                    for helper in self._helpers:
                        group.create_task(helper.load(number))
                self._numbers[order] = number
            except (TimeoutError, ExceptionGroup) as error:
                raise SpeechToTextError(
                    f"the recogniser did not load the words of {config.key}: see the worker's "
                    "standard error"
                ) from error
            finally:
                if order not in self._numbers:
                    self._forget(number)
            self._drop_oldest()

    @override
    def open(
        self, config: AgentConfig, on_partial: Callable[[Transcript], None]
    ) -> "PocketsphinxStream":
        number = self._numbers.get(order_of(config))
        if number is None:
            raise SpeechToTextError(f"{config.key} was not prepared: await prepare() first")
        return PocketsphinxStream(
            number, self._helpers, self._next_utterance, on_partial, self._final_timeout_s
        )

    @override
    async def aclose(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            with suppress(asyncio.CancelledError):
                await runner

    @property
    def late_seconds(self) -> float:
        """Of the process that is furthest behind."""
        return max(helper.late_seconds for helper in self._helpers)

    @property
    def pids(self) -> list[int]:
        """Process ids of the helpers that run."""
        return [helper.pid for helper in self._helpers if helper.pid is not None]

    async def _run_helpers(self) -> None:
        async with asyncio.TaskGroup() as group:
            for helper in self._helpers:
                group.create_task(helper.run())

    def _drop_oldest(self) -> None:
        while len(self._numbers) > _MAX_MODELS:
            self._forget(self._numbers.pop(next(iter(self._numbers))))

    def _forget(self, number: int) -> None:
        del self._compiled[number]
        for helper in self._helpers:
            helper.forget(number)


async def _compile(order: str) -> tuple[bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *_COMPILE, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate(order.encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode == REFUSED:
        raise SpeechToTextError(output.decode())
    if process.returncode != 0:
        raise SpeechToTextError(
            "what callers may say could not be compiled: see the worker's standard error"
        )
    return unpack_parts(output)


@dataclass(slots=True)
class PocketsphinxStream(SpeechStream):
    """One call's recogniser."""

    model: int
    helpers: list[HelperProcess]
    numbers: Iterator[int]
    on_partial: Callable[[Transcript], None]
    final_timeout_s: float
    _utterance: "_Utterance | None" = None
    _cepstral_mean: bytes = b""

    @override
    def start_utterance(self) -> None:
        self._drop()
        helper = min(self.helpers, key=lambda helper: (not helper.alive, helper.busy))
        self._utterance = _Utterance(next(self.numbers), helper, self.on_partial)
        body = self.model.to_bytes(4, "big") + self._cepstral_mean
        helper.start(self._utterance.number, self._utterance, body)

    @override
    def feed(self, frame: Pcm) -> None:
        if self._utterance is not None:
            self._utterance.feed(frame)

    @override
    async def end_utterance(self) -> Transcript:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return Transcript("", final=True)
        cepstral_mean, words = await utterance.end(self.final_timeout_s)
        self._cepstral_mean = cepstral_mean
        return Transcript(words, final=True)

    @override
    async def aclose(self) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._utterance is not None:
            self._utterance.drop()
            self._utterance = None


@dataclass(slots=True)
class _Utterance(Receiver):
    number: int
    helper: HelperProcess
    on_partial: Callable[[Transcript], None]
    _frames: list[Pcm] = field(default_factory=list)
    _answer: "asyncio.Future[bytes]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def feed(self, frame: Pcm) -> None:
        self._frames.append(frame)
        if len(self._frames) >= _BATCH_FRAMES:
            self._flush()

    async def end(self, timeout_s: float) -> tuple[bytes, str]:
        """Cepstral mean and words."""
        self._flush()
        self.helper.send(Message(Kind.END, self.number))
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._answer
        except TimeoutError as error:
            self.helper.give_up(self.number, _STUCK_S)
            raise SpeechToTextError(f"the recogniser gave no words in {timeout_s} s") from error
        except asyncio.CancelledError:
            self.drop()
            raise
        cepstral_mean, _, words = answer.partition(b"\n")
        return cepstral_mean, words.decode()

    def drop(self) -> None:
        self.helper.send(Message(Kind.DROP, self.number))

    @override
    def on_answer(self, message: Message) -> None:
        if message.kind is Kind.PARTIAL:
            self.on_partial(Transcript(message.body.decode(), final=False))
        elif self._answer.done():
            return
        elif message.kind is Kind.FINAL:
            self._answer.set_result(message.body)
        else:
            self._fail(message.body.decode())

    @override
    def on_lost(self) -> None:
        self._fail("the recogniser process ended")

    def _fail(self, reason: str) -> None:
        if not self._answer.done():
            self._answer.set_exception(SpeechToTextError(reason))
            self._answer.exception()  # a caller who hung up never asks for it

    def _flush(self) -> None:
        if self._frames:
            pcm = np.concatenate(self._frames).astype("<i2", copy=False).tobytes()
            self._frames.clear()
            self.helper.send(Message(Kind.AUDIO, self.number, pcm))
