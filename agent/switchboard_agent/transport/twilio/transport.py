"""A call on a Twilio media stream, as the engine sees it.

The call outlives its stream: a socket that breaks leaves the call waiting, and Twilio asks for a
new stream a moment later. What the agent says meanwhile is kept and sent then. A call whose caller
hung up says so itself (`stop`).

Twilio queues sound and plays it later, so an interruption needs `clear`, and what was heard is told
from the marks that came back.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from switchboard_agent.recovery.fence import Fence, NoFence
from switchboard_agent.transport.base import CallInfo, CloseReason, Listener, Pcm, Transferred
from switchboard_agent.transport.twilio import messages
from switchboard_agent.transport.twilio.messages import Digit, MarkReached, Media, Message, Stopped
from switchboard_agent.transport.twilio.playhead import Playhead
from switchboard_agent.transport.twilio.sound import PhoneSound
from switchboard_contract.call_events import TransferResult

EARLY_FRAMES = 250
"""Five seconds of the caller, kept until the engine listens."""

KEPT_FRAMES = 150
"""Three seconds of the agent, kept while there is no stream."""

RESUME_SECONDS = 8.0
"""How long a call waits for a new stream. Twilio fetches the TwiML and connects within a second;
after that a caller in silence hangs up."""

LAST_WORDS_SECONDS = 2.0
"""How long a hang-up waits until Twilio has played what it was sent."""

_log = logging.getLogger(__name__)


class Wire(Protocol):
    """The socket of a stream."""

    def send(self, message: bytes) -> bool:
        """Send a message now; False if the peer does not read. Never blocks."""

    async def close(self) -> None:
        """Close in good order. Safe to call twice."""


class TwilioTransport:
    """One call's way to its caller."""

    def __init__(
        self,
        info: CallInfo,
        on_over: Callable[[bool], Awaitable[None]],
        sound: PhoneSound,
        fence: Fence | None = None,
    ) -> None:
        """`on_over` is called once, and told whether the call still goes on at Twilio.

        `fence` keeps a process that was asleep from ending a call that is another's by now.
        """
        self._fence = fence or NoFence()
        self._info = info
        self._on_over = on_over
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._stream_sid = ""
        self._ear = sound.caller(self._hear)
        self._voice = sound.agent(self._say)
        self._playhead = Playhead()
        self._played = asyncio.Event()
        self._settled = asyncio.Event()
        self._listener: Listener | None = None
        self._early: deque[Pcm | str] = deque(maxlen=EARLY_FRAMES)
        self._kept: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        self._close_reason: CloseReason | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._ending = False
        self._ended = asyncio.Lock()
        self._released = False
        self._removed = False

    # --- CallTransport ----------------------------------------------------------------------

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""
        return self._info

    def attach(self, listener: Listener) -> None:
        """Start pushing; what came earlier comes first."""
        self._listener = listener
        while self._early:
            self._deliver(self._early.popleft())
        if self._close_reason is not None and not self._ending:
            listener.on_closed(self._close_reason)

    def play(self, frame: Pcm) -> None:
        """Put one frame on the wire, together with those of other calls that are due now."""
        if not self.is_over:
            self._voice.take(frame)

    async def transfer(self, to: str) -> Transferred:  # noqa: ARG002  no target can be reached
        """Not possible: Twilio ends the stream before it dials, and a failure comes too late."""
        return Transferred(TransferResult.UNSUPPORTED)

    async def hang_up(self) -> None:
        """Let the last words be played, end the call at Twilio, close the socket."""
        self._voice.flush()
        self._ending = True
        async with self._ended:
            if self._released:
                return
            self._released = True
            if self._patience is not None:
                self._patience.cancel()
            await self._fence.passed()
            try:
                if self._close_reason is None and self._wire is not None:
                    await self._last_words(self._wire)
                await self._on_over(self._close_reason is not CloseReason.CALLER_LEFT)
            finally:
                if self._wire is not None:
                    await self._wire.close()

    def drop_unplayed(self) -> int:
        """Have Twilio drop what it has not played; gives how many samples that were."""
        self._voice.flush()
        kept = sum(map(len, self._kept)) * 2
        self._kept.clear()
        dropped = self._playhead.drop(self._loop.time())
        if self._wire is not None and not self._ending and self._close_reason is None:
            self._wire.send(messages.clear(self._stream_sid))
        return kept + dropped

    # --- the stream -------------------------------------------------------------------------

    def connect(self, wire: Wire, stream_sid: str) -> bool:
        """A stream for this call has started; False if the call is over, and wants none."""
        if self._ending or self._close_reason is not None:
            return False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._voice.flush()
        self._playhead.drop(self._loop.time())  # what the old stream had not played is lost
        self._wire, self._stream_sid = wire, stream_sid
        self._settled.set()
        while self._kept:
            self._send_sound(wire, self._kept.popleft())
        return True

    def receive(self, message: Message) -> None:
        """One message of the stream."""
        match message:
            case Media():
                self._ear.take(message.payload)
            case Digit():
                self._ear.flush()
                self._deliver(message.digit)
            case MarkReached():
                self._playhead.returned(message.name, self._loop.time())
                if not self._playhead.waiting:
                    self._played.set()
            case Stopped():
                self._close(CloseReason.CALLER_LEFT)
            case _:
                pass

    def disconnect(self, wire: Wire, *, for_good: bool) -> None:
        """The socket is gone. Unless for good, a new stream is waited for."""
        if wire is not self._wire:
            return  # a newer stream has taken its place
        self._voice.flush()
        self._wire = None
        self._played.set()
        if self._ending or self._close_reason is not None:
            return
        if for_good:
            self._close(CloseReason.LOST)
            return
        _log.warning("stream lost, waiting for a new one", extra={"call_id": self._info.call_id})
        self._patience = self._loop.call_later(RESUME_SECONDS, self._close, CloseReason.LOST)

    async def wait_for_stream(self) -> bool:
        """Whether Twilio opens a stream in time, for a call that another worker has lost."""
        if self._wire is None:
            self._patience = self._loop.call_later(RESUME_SECONDS, self._close, CloseReason.LOST)
        await self._settled.wait()
        return not self.is_over

    def abandon(self) -> None:
        """Let go of the call without ending it for the caller."""
        self._removed = True
        self._close(CloseReason.REMOVED)

    @property
    def removed(self) -> bool:
        """Whether another worker goes on with the call."""
        return self._removed

    def cut(self) -> None:
        """End the call as if the carrier had."""
        self._close(CloseReason.ROOM_CLOSED)

    @property
    def is_over(self) -> bool:
        """Whether no new stream is wanted."""
        return self._ending or self._close_reason is not None

    def _deliver(self, item: Pcm | str) -> None:
        if self._ending:
            return
        if self._listener is None:
            self._early.append(item)
        elif isinstance(item, str):
            self._listener.on_dtmf(item)
        else:
            self._listener.on_audio(item)

    def _hear(self, frame: Pcm) -> None:
        try:
            self._deliver(frame)
        except Exception as error:  # noqa: BLE001 - it must not cost other calls their pass
            self._broke(error)

    def _say(self, payload: bytes) -> None:
        if self._close_reason is not None:
            return
        if self._wire is None:
            self._kept.append(payload)
            return
        try:
            self._send_sound(self._wire, payload)
        except Exception as error:  # noqa: BLE001 - it must not cost other calls their pass
            self._broke(error)

    def _broke(self, error: Exception) -> None:
        _log.error("stream broke", extra={"call_id": self._info.call_id}, exc_info=error)
        self._close(CloseReason.LOST)

    def _send_sound(self, wire: Wire, payload: bytes) -> None:
        if not wire.send(messages.media(self._stream_sid, payload)):
            self._close(CloseReason.LOST)
            return
        name = self._playhead.send(len(payload) * 2, self._loop.time())
        if name is not None:
            wire.send(messages.mark(self._stream_sid, name))

    async def _last_words(self, wire: Wire) -> None:
        if not self._playhead.unplayed(self._loop.time()):
            return
        self._played.clear()
        wire.send(messages.mark(self._stream_sid, self._playhead.mark(self._loop.time())))
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._played.wait()
        except TimeoutError:
            _log.warning("last words may be cut", extra={"call_id": self._info.call_id})

    def _close(self, reason: CloseReason) -> None:
        self._ear.flush()
        if self.is_over:
            return
        self._close_reason = reason
        self._settled.set()
        if self._patience is not None:
            self._patience.cancel()
        if self._listener is not None:
            self._listener.on_closed(reason)
