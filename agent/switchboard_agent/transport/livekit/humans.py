"""The humans in the room of one call: the one whom this worker has called, and strangers.

A stranger was called by a worker that is lost. Whoever goes on with its call puts them out: they
would hear the caller, and nobody knows how far they were.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager, suppress

from switchboard_agent.recovery.fence import Fence
from switchboard_agent.transport.livekit.consult import Consult
from switchboard_agent.transport.livekit.control import CallControl, RoomControlError
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.room import HUMAN_PREFIX, Room

_log = logging.getLogger(__name__)


class Humans:
    """Of one call."""

    def __init__(self, ffi: FfiDemux, control: CallControl, fence: Fence, room: str) -> None:
        self._ffi = ffi
        self._control = control
        self._fence = fence
        self._room = room
        self._consult: Consult | None = None
        self._work: set[asyncio.Task[None]] = set()
        self.abandoned = False
        """Whether another worker goes on with the call: strangers are its own."""

    @property
    def connected(self) -> bool:
        """Whether the caller was connected with a human."""
        return self._consult is not None and self._consult.connected

    @property
    def left(self) -> bool:
        """Whether the human is gone."""
        return self._consult is not None and self._consult.human_left.is_set()

    @asynccontextmanager
    async def consult(
        self, room: Room, caller: str, voice: str, *, job: str, agent: str, to: str, carrier: str
    ) -> AsyncIterator[Consult]:
        """Call a human, under an identity of their own; see `Consult.open`."""
        identity = f"{HUMAN_PREFIX}{job}-{secrets.token_hex(3)}"
        asked = Dial(self._room, identity, to, agent, carrier)
        self._consult = consult = Consult(
            self._ffi, self._control, room, self._fence, asked, caller=caller, voice=voice
        )
        try:
            async with consult.open():
                yield consult
        finally:
            if not consult.connected:
                self._spawn(consult.put_out())  # the caller does not wait for it

    async def parted(self, seconds: float) -> bool:
        """Whether caller and human speak no more; waits so long to be told."""
        if self._consult is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._consult.over.wait()
        return self._consult.over.is_set()

    def only(self, identities: Collection[str]) -> None:
        """Nobody but these is in the room, says the server."""
        if self._consult is not None and self._consult.human not in identities:
            self._consult.left()

    async def put_out(self) -> None:
        """End the call of the human with whom the caller spoke."""
        if self._consult is not None:
            await self._consult.put_out()

    async def release(self) -> None:
        """Return when whoever is to be put out is out. Safe to call twice."""
        if self._work:
            await asyncio.wait(self._work)
        if self._consult is not None:
            self._consult.close()

    # --- what happens in the room -----------------------------------------------------------

    def on_human(self, identity: str) -> None:
        """Somebody whom an agent has called is in the room."""
        if self._consult is not None and identity == self._consult.human:
            self._consult.changed()
            return
        self._spawn(self._put_stranger_out(identity))

    def on_left(self, identity: str) -> None:
        """Somebody left."""
        if self._consult is not None and identity == self._consult.human:
            self._consult.left()

    def on_published(self) -> None:
        """Somebody has a voice."""
        if self._consult is not None:
            self._consult.changed()

    def on_heard(self, track: str) -> None:
        """Somebody listens to a track of the agent."""
        if self._consult is not None:
            self._consult.heard(track)

    def on_closed(self) -> None:
        """The caller has left, or the room is lost."""
        if self._consult is not None:
            self._consult.over.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _put_stranger_out(self, identity: str) -> None:
        await self._fence.passed()
        if self.abandoned:
            return
        try:
            await self._control.remove(self._room, identity)
        except RoomControlError as error:
            _log.error("a human may hear a caller who is not theirs: %s", error)
