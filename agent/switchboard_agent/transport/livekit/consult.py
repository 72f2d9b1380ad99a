"""A human is called into the caller's room, spoken to apart, and then connected with the caller.

Into the same room, because the open livekit-server moves nobody from one room into another. Until
the two are connected,

    the agent's voice   is for the caller    whoever publishes says who may subscribe, beforehand
    the briefing        is for the human     the same
    caller and human    hear nothing         the server ends what they have subscribed to

For the last there is no beforehand: a bridge subscribes by itself to every voice that it sees. So
the server is told at once when one appears, and again and again: the bridge's own word may come
after ours.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import chain, repeat
from typing import Final

from switchboard_agent.recovery.fence import Fence
from switchboard_agent.transport.base import NotReachedError, Pcm, Transferred
from switchboard_agent.transport.livekit.control import CallControl, RoomControlError
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_agent.transport.livekit.ffi import FfiDemux, FfiError
from switchboard_agent.transport.livekit.room import Room
from switchboard_agent.transport.livekit.source import UnqueuedSource
from switchboard_contract.call_events import TransferResult

TRACK_NAME: Final = "briefing"

APART_SECONDS: Final = 5.0
"""How long somebody who has answered may take to get a voice."""

HEARS_SECONDS: Final = 2.0
"""How long the briefing waits for the human to listen; it is said then, heard or not."""

PUT_OUT_AGAIN_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


class Consult:
    """One human on the way into the room of a call."""

    def __init__(
        self,
        ffi: FfiDemux,
        control: CallControl,
        room: Room,
        fence: Fence,
        asked: Dial,
        *,
        caller: str,
        voice: str,
    ) -> None:
        """`voice` is the track that the caller hears the agent by."""
        self._control = control
        self._room = room
        self._fence = fence
        self._asked = asked
        self._caller = caller
        self._voice = voice
        self._source = UnqueuedSource(ffi)
        self._track = ""
        self._dialling: asyncio.Future[Transferred] | None = None
        self._changed = asyncio.Event()
        self._apart = asyncio.Event()
        self._hears = asyncio.Event()
        self._switching = asyncio.Lock()
        self.human_left = asyncio.Event()
        self.over = asyncio.Event()
        """Either of the two has left, or the room is lost."""
        self.connected = False
        """Whether caller and human hear each other."""

    @property
    def human(self) -> str:
        """Identity of the human in the room."""
        return self._asked.identity

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Consult"]:
        """Call the human; who leaves the block and is not `connected` has to call `put_out`.

        Raises `NotReachedError`, also inside the block when the human leaves.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                apart = tasks.create_task(self._keep_apart())
                await self._reach()
                watch = tasks.create_task(self._watch())
                yield self
                watch.cancel()
                apart.cancel()
        except ExceptionGroup as failed:
            if not self.connected:
                raise failed.exceptions[0] from None
        finally:
            if not self.connected:
                self._give_up()

    # --- Human ------------------------------------------------------------------------------

    def play(self, frame: Pcm) -> None:
        """Say one frame to the human now."""
        if not self._fence.stalled:
            self._source.play(frame)

    async def connect(self) -> None:
        """Let caller and human hear each other. Raises `NotReachedError` or `RoomControlError`."""
        await self._fence.passed()
        async with self._switching:
            callers, humans = self._room.tracks(self._caller), self._room.tracks(self.human)
            if not callers or not humans:
                raise NotReachedError(Transferred(TransferResult.FAILED))
            await self._control.subscribe(self._asked.room, self.human, callers, wanted=True)
            await self._control.subscribe(self._asked.room, self._caller, humans, wanted=True)
            self.connected = True

    # --- the transport's side ---------------------------------------------------------------

    def changed(self) -> None:
        """Somebody came, or has a voice."""
        self._changed.set()

    def heard(self, track: str) -> None:
        """Somebody listens to a track of the agent."""
        if track == self._track:
            self._hears.set()

    def left(self) -> None:
        """The human is out of the room."""
        self.human_left.set()
        self.over.set()

    async def put_out(self) -> None:
        """End the human's call, however far it is. Never raises but for cancellation.

        One who is being dialled cannot be put out before the bridge has joined for them, so this
        goes on until the dialling has come to its end.
        """
        if self._dialling is None:
            return
        while not self._dialling.done():
            await self._remove()
            await asyncio.wait({self._dialling}, timeout=PUT_OUT_AGAIN_SECONDS)
        await self._remove()

    def close(self) -> None:
        """Release the second voice. Safe to call twice."""
        self._source.close()

    # --- steps ------------------------------------------------------------------------------

    async def _reach(self) -> None:
        self._room.allow({self._caller: [self._voice]})
        self._track = await self._room.publish(self._source.handle, TRACK_NAME)
        self._room.allow({self._caller: [self._voice], self.human: [self._track]})
        self._dialling = asyncio.ensure_future(self._control.dial(self._asked))
        answered = await asyncio.shield(self._dialling)
        if answered.result is not TransferResult.SUCCEEDED:
            raise NotReachedError(answered)
        try:
            async with asyncio.timeout(APART_SECONDS):
                await self._apart.wait()
        except TimeoutError as error:
            raise NotReachedError(Transferred(TransferResult.FAILED)) from error
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARS_SECONDS):
                await self._hears.wait()

    async def _watch(self) -> None:
        await self.human_left.wait()
        raise NotReachedError(Transferred(TransferResult.FAILED))

    async def _keep_apart(self) -> None:
        pauses = _pauses()
        while not self.connected:
            await self._separate()
            try:
                async with asyncio.timeout(next(pauses)):
                    await self._changed.wait()
            except TimeoutError:
                continue
            self._changed.clear()
            pauses = _pauses()

    async def _separate(self) -> None:
        """Caller and human hear nothing of each other. Raises `RoomControlError`."""
        async with self._switching:
            callers, humans = self._room.tracks(self._caller), self._room.tracks(self.human)
            if self.connected or self._dialling is None:
                return
            if callers:
                await self._control.subscribe(self._asked.room, self.human, callers, wanted=False)
            if humans:
                await self._control.subscribe(self._asked.room, self._caller, humans, wanted=False)
            if callers and humans:
                self._apart.set()

    def _give_up(self) -> None:
        self.close()
        with suppress(FfiError):  # the room may be lost
            self._room.allow(None)

    async def _remove(self) -> None:
        try:
            await self._control.remove(self._asked.room, self.human)
        except RoomControlError as error:
            _log.error("a human may hear silence until they hang up: %s", error)


def _pauses() -> Iterator[float]:
    """Until the two are parted once more: often while a bridge still subscribes."""
    return chain(repeat(0.1, 20), repeat(0.3))
