"""A phone call in a LiveKit room, as the engine sees it.

Order of events: join, publish the agent's track at once (the bridge answers the phone when it
hears of it), learn who the caller is, hand the caller's frames to the engine. Whatever the caller
says before the engine listens waits here, so the first word is not lost.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np

from switchboard_agent.recovery.fence import Fence, NoFence
from switchboard_agent.transport.base import (
    FRAME_SAMPLES,
    CallInfo,
    CloseReason,
    Human,
    Listener,
    NotReachedError,
    Pcm,
    Transferred,
)
from switchboard_agent.transport.livekit.call_info import call_info
from switchboard_agent.transport.livekit.control import CallControl, RoomControlError, end_call
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.humans import Humans
from switchboard_agent.transport.livekit.room import Kind, Participant, Room, RoomError
from switchboard_agent.transport.livekit.source import UnqueuedSource
from switchboard_agent.transport.livekit.stream import InboundStream
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import Channel, TransferResult

TRACK_NAME = "agent"

CALL_STATUS = "sip.callStatus"
ACTIVE = "active"
"""A caller without a status, from a browser say, is there once it listens."""

CALLER_TIMEOUT_SECONDS = 15.0
"""How long a joined agent waits for somebody to talk to."""

ANSWER_SECONDS = 3.0
"""How long the agent holds its tongue while the phone still rings. The bridge answers once it hears
the agent's track, a moment after the agent joined; what is said before that, nobody hears."""

CALLER_LEAVES_SECONDS = 1.0

ASK_SECONDS = 10.0
"""Between two questions who of a caller and a human is still there."""

KEY_SECONDS = 0.5
"""What livekit-sip takes for a key: 250 ms of tone and as much of silence. It queues them."""

EARLY_FRAMES = 250
"""Five seconds of the caller, kept until the engine listens."""

TERMINATION_GRACE_SECONDS = 2.0
"""How long the room has to say itself why it is over."""

_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)

_log = logging.getLogger(__name__)


class NoCallerError(Exception):
    """The agent is in the room and nobody came, or the caller left before the call began."""


@dataclass(frozen=True, slots=True)
class CallTicket:
    """What the server gave for one call."""

    job_id: str
    room: str
    url: str
    token: str
    dispatch: DispatchMetadata


class LiveKitTransport:
    """One call's way to its caller. Made by `open_call`."""

    def __init__(
        self,
        ffi: FfiDemux,
        control: CallControl,
        ticket: CallTicket,
        fence: Fence | None = None,
    ) -> None:
        """`fence` keeps a process quiet that was asleep."""
        self._fence = fence or NoFence()
        self._ffi = ffi
        self._control = control
        self._ticket = ticket
        self._caller: Participant | None = None
        self._caller_came = asyncio.Event()
        self._caller_left = asyncio.Event()
        self._answered = asyncio.Event()
        self._heard = False
        self._source = UnqueuedSource(ffi)
        self._voice = ""
        self._humans = Humans(ffi, control, self._fence, ticket.room)
        self._streams: list[InboundStream] = []
        self._room: Room | None = None
        self._info: CallInfo | None = None
        self._listener: Listener | None = None
        self._early: deque[Pcm | str] = deque(maxlen=EARLY_FRAMES)
        self._close_reason: CloseReason | None = None
        self._ending = False
        self._abandoned = False
        self._ended = asyncio.Lock()
        self._released = False
        self._termination: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Join, publish, find the caller. Raises `RoomError`, `FfiError` or `NoCallerError`."""
        self._room = await Room.join(self._ffi, self._ticket.url, self._ticket.token, self)
        self._voice = await self._room.publish(self._source.handle, TRACK_NAME)
        try:
            async with asyncio.timeout(CALLER_TIMEOUT_SECONDS):
                await self._caller_came.wait()
        except TimeoutError as error:
            raise NoCallerError("nobody came into the room") from error
        if self._caller is None:
            raise NoCallerError("the room ended before a caller came")
        self._info = call_info(
            job_id=self._ticket.job_id,
            room=self._ticket.room,
            dispatch=self._ticket.dispatch,
            attributes=self._caller.attributes,
        )

    async def wait_until_answered(self) -> None:
        """Wait until the caller can hear; who does not say so is not waited for long."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._answered.wait()
        except TimeoutError:
            _log.warning("the caller did not say answered", extra={"room": self._ticket.room})

    # --- CallTransport ----------------------------------------------------------------------

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""
        if self._info is None:
            raise NoCallerError("the call is not open yet")
        return self._info

    def attach(self, listener: Listener) -> None:
        """Start pushing; what came earlier comes first."""
        self._listener = listener
        while self._early:
            item = self._early.popleft()
            if isinstance(item, str):
                listener.on_dtmf(item)
            else:
                listener.on_audio(item)
        if self._close_reason is not None and not self._ending:
            listener.on_closed(self._close_reason)

    def play(self, frame: Pcm) -> None:
        """Put one frame on the wire now."""
        if not self._fence.stalled:
            self._source.play(frame)

    def play_silence(self) -> None:
        """Put one frame of nothing on the wire now."""
        self.play(_SILENCE)

    async def send_key(self, key: str) -> None:
        """Have the bridge press a key, or tell a browser of it. Raises `RoomError`."""
        await self._fence.passed()
        if self._room is None or self._caller is None or self._close_reason or self._ending:
            raise RoomError("the caller is gone")
        await self._room.send_key(key, self._caller.identity)
        await asyncio.sleep(KEY_SECONDS)

    async def transfer(self, to: str) -> Transferred:
        """Have the bridge refer the caller to somebody else; who came without one stays."""
        await self._fence.passed()
        if self._caller is None or self.info.channel is not Channel.SIP:
            return Transferred(TransferResult.UNSUPPORTED)
        if self._close_reason is not None or self._ending:
            return Transferred(TransferResult.FAILED)
        return await self._control.transfer(self._ticket.room, self._caller.identity, to)

    @property
    def connected(self) -> bool:
        """Whether the caller speaks with a human."""
        return self._humans.connected

    @asynccontextmanager
    async def consult(self, to: str, carrier: str) -> AsyncIterator[Human]:
        """Call a human into the caller's room."""
        await self._fence.passed()
        if self._room is None or self._caller is None or self._close_reason or self._ending:
            raise NotReachedError(Transferred(TransferResult.FAILED))
        async with self._humans.consult(
            self._room,
            self._caller.identity,
            self._voice,
            job=self._ticket.job_id,
            agent=self._ticket.dispatch.agent,
            to=to,
            carrier=carrier,
        ) as human:
            yield human

    async def wait_until_parted(self) -> None:
        """Return when caller and human speak no more; at once where they never did.

        Who left is not always told to the others in a room: the server is asked now and then.
        """
        if not self.connected:
            return
        for stream in self._streams:
            stream.close()
        while not await self._humans.parted(ASK_SECONDS):
            await self._look_who_is_there()

    async def hang_up(self) -> None:
        """End the call for the caller and release everything.

        Two who speak with each other are left alone; once one of them is gone, so is the other.
        """
        self._ending = True
        async with self._ended:
            if self._released:
                return
            await self._fence.passed()
            if self._close_reason is None and not self._abandoned and self._alone:
                caller = self._caller.identity if self._caller is not None else None
                await end_call(self._control, self._ticket.room, caller)
                await self._see_caller_leave()
            if self._close_reason is CloseReason.CALLER_LEFT and self.connected:
                await self._humans.put_out()
            await self._release()

    def abandon(self) -> None:
        """Somebody else goes on with the call: leave, and leave the caller alone."""
        self._abandoned = self._humans.abandoned = True
        self._close(CloseReason.REMOVED)

    def terminate(self) -> None:
        """The server took the job back: the call is over.

        When a caller hangs up, this comes within milliseconds of the room's own word for it,
        which says more: the room goes first.
        """
        if self._termination is None:
            self._termination = asyncio.get_running_loop().call_later(
                TERMINATION_GRACE_SECONDS, self._close, CloseReason.ROOM_CLOSED
            )

    @property
    def _alone(self) -> bool:
        """Whether nobody but the agent speaks with the caller."""
        return not self.connected or self._humans.left

    async def _look_who_is_there(self) -> None:
        with suppress(RoomControlError):
            there = (await self._control.occupants(self._ticket.room)).callers
            if self._caller is None or self._caller.identity not in there:
                self._close(CloseReason.CALLER_LEFT)
            self._humans.only(there)

    async def _see_caller_leave(self) -> None:
        """Stay until the library has seen the caller go, which takes some 20 ms.

        A room that is left while somebody else's track is in it is never freed by the library: the
        track's callbacks hold the connection that holds the track, 0.4 MB a call.
        """
        if self._caller is None:
            return
        try:
            async with asyncio.timeout(CALLER_LEAVES_SECONDS):
                await self._caller_left.wait()
        except TimeoutError:
            _log.warning("the caller was not seen leaving", extra={"room": self._ticket.room})

    async def _release(self) -> None:
        if self._termination is not None:
            self._termination.cancel()
        for stream in self._streams:
            stream.close()
        await self._humans.release()
        if self._room is not None:
            await self._room.leave()
        self._source.close()
        self._released = True

    # --- RoomListener -----------------------------------------------------------------------

    def on_participant(self, participant: Participant) -> None:
        """The first party that is no agent is the caller."""
        if self._caller is None and participant.kind is Kind.CALLER:
            self._caller = participant
            self._caller_came.set()
            self._note_answer()
        elif participant.kind is Kind.HUMAN:
            self._humans.on_human(participant.identity)

    def on_attributes(self, identity: str, changed: dict[str, str]) -> None:
        """The bridge tells how far the phone is."""
        if self._caller is not None and identity == self._caller.identity:
            self._caller.attributes.update(changed)
            self._note_answer()

    def on_participant_left(self, identity: str) -> None:
        """The call lives as long as its caller."""
        if self._caller is not None and identity == self._caller.identity:
            self._caller_left.set()
            self._close(CloseReason.CALLER_LEFT)
        self._humans.on_left(identity)

    def on_published(self, identity: str) -> None:  # noqa: ARG002 whoever it is
        """Who is kept apart must be kept apart anew."""
        self._humans.on_published()

    def on_audio_track(self, identity: str, track_handle: int) -> None:
        """Listen to the caller only."""
        if self._caller is not None and identity == self._caller.identity and not self._released:
            self._streams.append(InboundStream(self._ffi, track_handle, self._on_frame))

    def on_heard(self, track: str) -> None:
        """Somebody listens to the agent."""
        self._humans.on_heard(track)
        self._heard = True
        self._note_answer()

    def on_dtmf(self, identity: str, digit: str) -> None:
        """A key of the caller."""
        if self._caller is None or identity != self._caller.identity:
            return
        if self._listener is None:
            self._early.append(digit)
        elif not self._ending:
            self._listener.on_dtmf(digit)

    def on_disconnected(self, *, closed: bool) -> None:
        """The room is gone."""
        if self._room is not None and self._room.removed:
            self._close(CloseReason.REMOVED)
        else:
            self._close(CloseReason.ROOM_CLOSED if closed else CloseReason.LOST)
        self._caller_came.set()
        self._caller_left.set()

    def _note_answer(self) -> None:
        if self._caller is None:
            return
        status = self._caller.attributes.get(CALL_STATUS, ACTIVE if self._heard else "")
        if status == ACTIVE:
            self._answered.set()

    def _on_frame(self, frame: Pcm) -> None:
        if self._listener is None:
            self._early.append(frame)
        elif not self._ending:
            self._listener.on_audio(frame)

    def _close(self, reason: CloseReason) -> None:
        if self._close_reason is not None or self._ending:
            return
        self._close_reason = reason
        self._answered.set()
        self._humans.on_closed()
        if self._listener is not None:
            self._listener.on_closed(reason)


async def open_call(
    ffi: FfiDemux, control: CallControl, ticket: CallTicket, fence: Fence | None = None
) -> LiveKitTransport:
    """Join the room of a call; if that fails, the caller is told and nothing is left."""
    transport = LiveKitTransport(ffi, control, ticket, fence)
    try:
        await transport.open()
    except BaseException:
        await transport.hang_up()
        raise
    return transport
