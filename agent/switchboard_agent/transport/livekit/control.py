"""What a worker asks of the LiveKit server about rooms: who is there, put somebody out.

Removing the SIP participant is what ends a phone call: the bridge sends BYE within 70 ms (or a
refusal, while the phone still rings). Leaving the room alone would leave the caller in silence.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from livekit.api.room_service import RoomService
from livekit.api.twirp_client import TwirpError, TwirpErrorCode
from livekit.protocol import models
from livekit.protocol.room import (
    DeleteRoomRequest,
    ListParticipantsRequest,
    RoomParticipantIdentity,
    UpdateParticipantRequest,
)

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=5.0)

_log = logging.getLogger(__name__)


class RoomControlError(Exception):
    """The server did not do what was asked of a room."""


@dataclass(frozen=True, slots=True)
class Occupants:
    """Who is in a room, as far as a refusal needs to know."""

    callers: tuple[str, ...]
    """Identities of those whose connection stands. A client that is put out while it still joins
    does not notice: LiveKit's waits 15 s for its connection and then joins again."""
    agents: int


class RoomControl(Protocol):
    """Power over rooms."""

    async def remove(self, room: str, identity: str) -> None:
        """Put a participant out. One who is gone already is fine. Raises `RoomControlError`."""

    async def delete(self, room: str) -> None:
        """Close a room. One that is gone already is fine. Raises `RoomControlError`."""

    async def occupants(self, room: str) -> Occupants:
        """Who is there; nobody if the room is gone. Raises `RoomControlError`."""


class LiveKitRoomControl:
    """`RoomControl` through LiveKit's room service."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self._url = url
        self._api_key = api_key
        self._api_secret = api_secret
        self._session: aiohttp.ClientSession | None = None
        self._service: RoomService | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=REQUEST_TIMEOUT)
        self._service = RoomService(
            self._session, self._url, self._api_key, self._api_secret, failover=False
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def remove(self, room: str, identity: str) -> None:
        """Put a participant out."""
        try:
            await self._open.remove_participant(
                RoomParticipantIdentity(room=room, identity=identity)
            )
        except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
            _unless_gone(error, f"participant of {room} was not removed")

    async def delete(self, room: str) -> None:
        """Close a room."""
        try:
            await self._open.delete_room(DeleteRoomRequest(room=room))
        except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
            _unless_gone(error, f"room {room} was not deleted")

    async def occupants(self, room: str) -> Occupants:
        """Who is there."""
        try:
            answer = await self._open.list_participants(ListParticipantsRequest(room=room))
        except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
            _unless_gone(error, f"participants of {room} are unknown")
            return Occupants(callers=(), agents=0)
        callers = {models.ParticipantInfo.SIP, models.ParticipantInfo.STANDARD}
        people = answer.participants
        return Occupants(
            callers=tuple(
                p.identity
                for p in people
                if p.kind in callers and p.state == models.ParticipantInfo.ACTIVE
            ),
            agents=sum(p.kind == models.ParticipantInfo.AGENT for p in people),
        )

    async def describe(self, room: str, identity: str, attributes: Mapping[str, str]) -> None:
        """Set attributes of a participant. Raises `RoomControlError`."""
        request = UpdateParticipantRequest(room=room, identity=identity, attributes=attributes)
        try:
            await self._open.update_participant(request)
        except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
            _unless_gone(error, f"attributes in {room} were not set")

    @property
    def _open(self) -> RoomService:
        if self._service is None:
            raise RoomControlError("room control is used outside its `async with`")
        return self._service


async def end_call(control: RoomControl, room: str, caller: str | None) -> None:
    """End the call for the caller: put out, or close the room where the caller is not known.

    Never raises but for cancellation: a call that is over must not fail on its last step.
    """
    try:
        if caller is not None:
            await control.remove(room, caller)
            return
    except RoomControlError as error:
        _log.warning("closing the room instead: %s", error)
    try:
        await control.delete(room)
    except RoomControlError as error:
        _log.error("the caller may hear silence until they hang up: %s", error)


def _unless_gone(error: Exception, what: str) -> None:
    if isinstance(error, TwirpError) and error.code == TwirpErrorCode.NOT_FOUND:
        return
    reason = str(error) or type(error).__name__
    raise RoomControlError(f"{what}: {reason}") from error
