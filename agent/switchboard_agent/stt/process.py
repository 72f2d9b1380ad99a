"""One recogniser process as seen from the worker: started, fed, watched, started again.

Messages are written to the pipe from the event loop and never wait; answers come back as calls on
the loop. When the process dies, what was running in it fails at once and a new one is loaded with
the same models: other calls and the next sentence of the same call go on.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from typing_extensions import override

from switchboard_agent.stt.lateness import Lateness
from switchboard_agent.stt.wire import Kind, Message, Parser, WireError, pack_parts

_log = logging.getLogger(__name__)

_COMMAND: Final = (sys.executable, "-m", "switchboard_agent.stt.helper")
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 5.0
"""Pause before a process that died is started again; doubles with each death in a row."""
_HEALTHY_S: Final = 10.0
"""A process that lived this long died of something new."""
_MAX_UNREAD_BYTES: Final = 2 * 1024 * 1024
"""A minute of speech that the process has not read: it does not keep up."""

Models = Mapping[int, tuple[bytes, bytes]]
"""Dictionary and language model of each model, by number."""


class Receiver(Protocol):
    """Whoever waits for answers with one number."""

    def on_answer(self, message: Message) -> None:
        """PARTIAL, FINAL, FAILED or LOADED."""

    def on_lost(self) -> None:
        """The process died: there will be no answer."""


class _Pipes(asyncio.SubprocessProtocol):
    """Callbacks of asyncio for one incarnation of the process."""

    def __init__(self, on_message: Callable[[Message], None]) -> None:
        self.exited = asyncio.Event()
        self._parser = Parser()
        self._on_message = on_message
        self._transport: asyncio.BaseTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def pipe_data_received(self, fd: int, data: bytes) -> None:
        try:
            for message in self._parser.feed(data):
                self._on_message(message)
        except WireError:
            _log.exception("recogniser process is out of step; ending it")
            if isinstance(self._transport, asyncio.SubprocessTransport):
                self._transport.kill()

    @override
    def process_exited(self) -> None:
        self.exited.set()


@dataclass(slots=True)
class HelperProcess:
    """A recogniser process that is kept alive while `run` runs."""

    models: Models
    """Shared with the owner: a process that is started anew loads what stands in it."""
    _transport: asyncio.SubprocessTransport | None = None
    _answered_at: float = 0.0
    """Loop time of the last answer of any kind."""
    _receivers: dict[int, Receiver] = field(default_factory=dict)
    _loading: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    _lateness: Lateness = field(default_factory=Lateness)

    @property
    def alive(self) -> bool:
        """Whether messages can be sent now."""
        return self._transport is not None

    @property
    def busy(self) -> int:
        """Utterances in progress."""
        return len(self._receivers)

    @property
    def late_seconds(self) -> float:
        """How late final words come."""
        return self._lateness.seconds(asyncio.get_running_loop().time())

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._transport.get_pid() if self._transport else None

    async def run(self) -> None:
        """Keep the process alive until cancelled, then end it."""
        loop = asyncio.get_running_loop()
        wait_s = _FIRST_WAIT_S
        while True:
            started = loop.time()
            try:
                await self._live_once(loop)
            except OSError:
                _log.exception("recogniser process cannot be started")
            if loop.time() - started > _HEALTHY_S:
                wait_s = _FIRST_WAIT_S
            _log.warning("recogniser process ended; starting another", extra={"wait_s": wait_s})
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _live_once(self, loop: asyncio.AbstractEventLoop) -> None:
        transport, pipes = await loop.subprocess_exec(
            lambda: _Pipes(self._on_message), *_COMMAND, stderr=None
        )
        self._transport = transport
        try:
            for number in self.models:
                self._send_model(number)
            await pipes.exited.wait()
        finally:
            self._transport = None
            transport.close()  # kills
            self._fail_all()
            await pipes.exited.wait()

    def start(self, number: int, receiver: Receiver, body: bytes) -> None:
        """Begin an utterance; answers go to `receiver`."""
        if self._transport is None:
            receiver.on_lost()
            return
        self._receivers[number] = receiver
        self._write(Message(Kind.START, number, body))

    def send(self, message: Message) -> None:
        """Audio or end of an utterance that was started here; ignored if it is over."""
        if message.number not in self._receivers:
            return
        self._write(message)
        if message.kind is Kind.END:
            self._lateness.asked(message.number, asyncio.get_running_loop().time())
        elif message.kind is Kind.DROP:
            self._end(message.number).on_lost()

    async def load(self, number: int) -> None:
        """Load a model of `models`; returns when decoders are warm, or the process is gone."""
        future = asyncio.get_running_loop().create_future()
        self._loading[number] = future
        if self._transport is not None:
            self._send_model(number)
        await future

    def forget(self, number: int) -> None:
        """Free a model's decoders."""
        self._write(Message(Kind.FORGET, number))

    def give_up(self, number: int, stuck_s: float) -> None:
        """Wait no longer for an utterance; a process that answers nobody is ended."""
        if number not in self._receivers:
            return
        self._end(number)
        if asyncio.get_running_loop().time() - self._answered_at > stuck_s:
            _log.error("recogniser process does not answer; ending it")
            self._kill()

    def _kill(self) -> None:
        if self._transport is not None:
            self._transport.kill()

    def _send_model(self, number: int) -> None:
        self._write(Message(Kind.LOAD, number, pack_parts(*self.models[number])))

    def _write(self, message: Message) -> None:
        if self._transport is None:
            return
        # Not asked by isinstance: uvloop's transports are no subclasses of asyncio's.
        pipe = cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))
        # The pipe of a process that was ended closes first; utterances hear of it a moment later.
        if pipe is None or pipe.is_closing():
            return
        if message.kind is Kind.AUDIO and pipe.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            _log.error("recogniser process does not keep up; ending it")
            self._kill()
            return
        pipe.write(message.encode())

    def _on_message(self, message: Message) -> None:
        self._answered_at = asyncio.get_running_loop().time()
        loading = self._loading.pop(message.number, None)
        if loading is not None and not loading.done():
            if message.kind is Kind.FAILED:
                loading.set_exception(RuntimeError(message.body.decode()))
            else:
                loading.set_result(None)
            return
        receiver = self._receivers.get(message.number)
        if receiver is None:
            return
        if message.kind in (Kind.FINAL, Kind.FAILED):
            self._end(message.number)
        receiver.on_answer(message)

    def _fail_all(self) -> None:
        for number in list(self._receivers):
            self._end(number).on_lost()

    def _end(self, number: int) -> Receiver:
        self._lateness.over(number, asyncio.get_running_loop().time())
        return self._receivers.pop(number)
