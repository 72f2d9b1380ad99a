"""What a worker asks of the LiveKit server about rooms: who is there, put or hand somebody out.

Removing the SIP participant is what ends a phone call: the bridge sends BYE within 70 ms (or a
refusal, while the phone still rings). Leaving the room alone would leave the caller in silence.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from livekit.api.room_service import RoomService
from livekit.api.sip_service import SipService
from livekit.api.twirp_client import SipCallError, TwirpError, TwirpErrorCode
from livekit.protocol import models
from livekit.protocol.room import (
    DeleteRoomRequest,
    ListParticipantsRequest,
    RoomParticipantIdentity,
    UpdateParticipantRequest,
    UpdateSubscriptionsRequest,
)
from livekit.protocol.sip import (
    STR_RINGING_TIMEOUT,
    STS_TRANSFER_FAILED,
    SIPTransferReason,
    TransferSIPParticipantRequest,
    TransferSIPParticipantResponse,
)

from switchboard_agent.transport.base import TRANSFER_SECONDS, Transferred
from switchboard_agent.transport.livekit import dialling
from switchboard_agent.transport.livekit.dialling import Dial, refusal
from switchboard_contract.call_events import TransferResult

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

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        """Have a phone caller referred to `to`. Never raises but for cancellation."""

    async def occupants(self, room: str) -> Occupants:
        """Who is there; nobody if the room is gone. Raises `RoomControlError`."""


class CallControl(RoomControl, Protocol):
    """Power over the room of a call that is served."""

    async def dial(self, asked: Dial) -> Transferred:
        """Call a human into a room; returns once they have answered, or will not.

        Never raises but for cancellation.
        """

    async def subscribe(
        self, room: str, identity: str, tracks: Sequence[str], *, wanted: bool
    ) -> None:
        """Let a participant hear tracks, or not. Raises `RoomControlError`."""


class LiveKitRoomControl:
    """`CallControl` through LiveKit's room service."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self._url = url
        self._api_key = api_key
        self._api_secret = api_secret
        self._session: aiohttp.ClientSession | None = None
        self._service: RoomService | None = None
        self._sip: SipService | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=REQUEST_TIMEOUT)
        self._service = RoomService(
            self._session, self._url, self._api_key, self._api_secret, failover=False
        )
        self._sip = SipService(
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

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        """Ask the SIP bridge for a REFER; the caller hears it ring meanwhile."""
        request = TransferSIPParticipantRequest(
            room_name=room, participant_identity=identity, transfer_to=to, play_dialtone=True
        )
        request.ringing_timeout.seconds = round(TRANSFER_SECONDS)
        try:
            return _answered(await self._open_sip.transfer_sip_participant(request))
        except SipCallError as error:
            return _refused(error.sip_status_code, error.sip_transfer_reason)
        except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
            code = error.code if isinstance(error, TwirpError) else type(error).__name__
            _log.warning("transfer failed", extra={"room": room, "reason": code})
            return Transferred(TransferResult.FAILED)

    async def dial(self, asked: Dial) -> Transferred:
        """Call a human into a room."""
        return await dialling.dial(self._open_sip, asked)

    async def subscribe(
        self, room: str, identity: str, tracks: Sequence[str], *, wanted: bool
    ) -> None:
        """Let a participant hear tracks, or not."""
        request = UpdateSubscriptionsRequest(
            room=room, identity=identity, track_sids=tracks, subscribe=wanted
        )
        try:
            await self._open.update_subscriptions(request)
        except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
            _unless_gone(error, f"who hears whom in {room} was not changed")

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

    @property
    def _open_sip(self) -> SipService:
        if self._sip is None:
            raise RoomControlError("room control is used outside its `async with`")
        return self._sip


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


def _answered(answer: TransferSIPParticipantResponse) -> Transferred:
    """A bridge that says nothing about it has seen the other end take the call."""
    if answer.status != STS_TRANSFER_FAILED:
        return Transferred(TransferResult.SUCCEEDED)
    return _refused(int(answer.sip_status.code) or None, SIPTransferReason.Name(answer.reason))


def _refused(sip_status: int | None, reason: str | None) -> Transferred:
    rang = reason == SIPTransferReason.Name(STR_RINGING_TIMEOUT)
    return Transferred(TransferResult.NO_ANSWER if rang else refusal(sip_status), sip_status)


def _unless_gone(error: Exception, what: str) -> None:
    if isinstance(error, TwirpError) and error.code == TwirpErrorCode.NOT_FOUND:
        return
    reason = str(error) or type(error).__name__
    raise RoomControlError(f"{what}: {reason}") from error
