"""A probe's stay in its LiveKit room: there is nobody to talk to, so nothing is published.

Joining alone proves what a call needs of the network: the signalling and, because the library waits
for it, the media connection to the server.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from switchboard_agent.transport.livekit.control import LiveKitRoomControl
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.room import Participant, Room


@dataclass(frozen=True, slots=True)
class ProbeTicket:
    """What the server gave for one probe."""

    room: str
    identity: str
    url: str
    token: str


class ProbeRoom(Protocol):
    """A joined room."""

    @property
    def over(self) -> asyncio.Event:
        """Set once the room is gone."""

    async def tell(self, attributes: Mapping[str, str]) -> None:
        """Publish attributes of this participant. Raises `RoomControlError`."""

    async def leave(self) -> None:
        """Leave and release everything."""


class LiveKitProbeRoom:
    """The real one. Made by `enter`."""

    def __init__(self, control: LiveKitRoomControl, ticket: ProbeTicket) -> None:
        self.over = asyncio.Event()
        self._control = control
        self._ticket = ticket
        self._room: Room | None = None

    async def join(self, ffi: FfiDemux) -> None:
        """Join. Raises `RoomError` or `FfiError`."""
        self._room = await Room.join(ffi, self._ticket.url, self._ticket.token, self)

    async def tell(self, attributes: Mapping[str, str]) -> None:
        """Publish attributes of this participant."""
        await self._control.describe(self._ticket.room, self._ticket.identity, attributes)

    async def leave(self) -> None:
        """Leave and release everything."""
        if self._room is not None:
            await self._room.leave()

    # --- RoomListener -----------------------------------------------------------------------

    def on_participant(self, participant: Participant) -> None:
        """Nobody is expected."""

    def on_attributes(self, identity: str, changed: dict[str, str]) -> None:
        """Nobody is listened to."""

    def on_participant_left(self, identity: str) -> None:
        """Nobody is expected."""

    def on_published(self, identity: str) -> None:
        """Nobody is listened to."""

    def on_audio_track(self, identity: str, track_handle: int) -> None:
        """Nobody is listened to."""

    def on_heard(self, track: str) -> None:
        """What is said here, nobody need hear."""

    def on_dtmf(self, identity: str, digit: str) -> None:
        """Nobody is listened to."""

    def on_disconnected(self, *, closed: bool) -> None:  # noqa: ARG002  over is over
        """The operator closed the room."""
        self.over.set()


async def enter(ffi: FfiDemux, control: LiveKitRoomControl, ticket: ProbeTicket) -> ProbeRoom:
    """Join the room of a probe."""
    room = LiveKitProbeRoom(control, ticket)
    await room.join(ffi)
    return room
