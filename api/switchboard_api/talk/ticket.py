"""A ticket: what lets one browser into one fresh room, once, for a moment.

The room is configured as the VoiceAgent's dispatch rule says, and named as LiveKit's SIP bridge
names the rooms of that rule, so that LiveKit and the workers treat the call as any other.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from livekit.api import AccessToken, VideoGrants
from livekit.protocol.room import RoomConfiguration

CALLER = "browser"
"""Stands in the room's name where a phone's number would: it is of no country."""

LIFE = timedelta(minutes=1)
"""How long a browser has to join; calls outlive their ticket."""


@dataclass(frozen=True, slots=True)
class LiveKitAccess:
    """Where LiveKit is and how to ask it."""

    url: str
    """http(s) or ws(s), as the browser reaches it too."""
    api_key: str
    api_secret: str = field(repr=False)

    @property
    def http_url(self) -> str:
        """For the API."""
        return "http" + self.url.removeprefix("http").removeprefix("ws")

    @property
    def ws_url(self) -> str:
        """For who joins a room."""
        return "ws" + self.url.removeprefix("http").removeprefix("ws")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the page gets for one call."""

    room: str
    token: str = field(repr=False)


def issue(livekit: LiveKitAccess, room_prefix: str, config: RoomConfiguration) -> Ticket:
    """Return a ticket into a room of its own."""
    room = f"{room_prefix}_{CALLER}_{secrets.token_hex(6)}"
    grants = VideoGrants(
        room_join=True,
        room=room,
        can_publish_sources=["microphone"],
        can_update_own_metadata=False,
    )
    token = (
        AccessToken(livekit.api_key, livekit.api_secret)
        .with_identity(f"{CALLER}_{secrets.token_hex(4)}")
        .with_grants(grants)
        .with_room_config(config)
        .with_ttl(LIFE)
        .to_jwt()
    )
    return Ticket(room, token)
