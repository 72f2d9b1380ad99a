"""Probe rooms in LiveKit: made with an agent dispatched into them, watched, deleted."""

from dataclasses import dataclass
from typing import Protocol

from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.room import CreateRoomRequest, ListParticipantsRequest
from typing_extensions import override

from switchboard_contract.probe import ProbeReport
from switchboard_operator.sip.api import LiveKitApi


@dataclass(frozen=True, slots=True)
class Visitor:
    """A worker in a probe room."""

    joined_at_ms: int
    """By the server's clock, as the time of the room."""
    report: ProbeReport | None
    """None until the worker said how it is."""


class ProbeRooms(Protocol):
    """What a probe asks of LiveKit. Raises `LiveKitUnreachableError`, `LiveKitRefusedError`."""

    async def open(self, room: str, pool: str, dispatch: str, *, empty_seconds: int) -> int:
        """Make a room with the agent dispatched into it; return when, in ms by the server."""

    async def visitors(self, room: str) -> list[Visitor]:
        """Return the workers in a room."""

    async def close(self, room: str) -> None:
        """Delete a room; no error if it is gone."""


class LiveKitProbeRooms(ProbeRooms):
    """The real ones."""

    def __init__(self, api: LiveKitApi) -> None:
        self._api = api

    @override
    async def open(self, room: str, pool: str, dispatch: str, *, empty_seconds: int) -> int:
        # No "agent" in the metadata: that is what makes a room count as a call.
        request = CreateRoomRequest(
            name=room,
            metadata='{"probe":true}',
            empty_timeout=empty_seconds,
            departure_timeout=1,
            agents=[RoomAgentDispatch(agent_name=pool, metadata=dispatch)],
        )
        made = await self._api.ask("CreateRoom", self._api.rooms.create_room(request))
        return int(made.creation_time_ms)

    @override
    async def visitors(self, room: str) -> list[Visitor]:
        request = ListParticipantsRequest(room=room)
        answer = await self._api.ask("ListParticipants", self._api.rooms.list_participants(request))
        return [
            Visitor(int(p.joined_at_ms), ProbeReport.from_attributes(p.attributes))
            for p in answer.participants
            if p.kind == ParticipantInfo.AGENT
        ]

    @override
    async def close(self, room: str) -> None:
        await self._api.delete_room(room)
