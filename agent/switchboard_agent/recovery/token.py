"""The token with which a rescuer enters a room: what the server would have given for the job."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from livekit.api import AccessToken, VideoGrants

LIFETIME: Final = timedelta(hours=1)
"""For joining and for coming back after a short cut."""


def room_tokens(api_key: str, api_secret: str) -> Callable[[str, str], str]:
    """What makes a token for a room and an identity."""

    def make(room: str, identity: str) -> str:
        grants = VideoGrants(
            room_join=True,
            room=room,
            agent=True,
            can_publish=True,
            can_subscribe=True,
            can_publish_data=True,
            can_update_own_metadata=True,
        )
        return (
            AccessToken(api_key, api_secret)
            .with_identity(identity)
            .with_kind("agent")
            .with_ttl(LIFETIME)
            .with_grants(grants)
            .to_jwt()
        )

    return make
