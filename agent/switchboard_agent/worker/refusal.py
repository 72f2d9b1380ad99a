"""Telling a caller that nobody takes the call.

LiveKit has no word for it: an offer that every worker declines leaves the phone ringing until the
caller gives up. So the worker that declines puts the caller out of the room, and the phone hears
busy. Where another worker may still take the call, it waits first and looks whether one did.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from switchboard_agent.admission import RefusalReason
from switchboard_agent.transport.livekit.control import RoomControl, RoomControlError

GRACE_SECONDS = 4.0
"""Time for another worker to take the call and join: 0.3 s, in a burst on few cores 3 s."""

LOOKS = 20
LOOK_SECONDS = 0.5
"""A caller on the way into the room is waited for: ten seconds."""

_FOR_ALL = frozenset(
    {
        RefusalReason.QUOTA,
        RefusalReason.AGENT_QUOTA,
        RefusalReason.RATE,
        RefusalReason.COUNTRY,
    }
)

_log = logging.getLogger(__name__)


class RefusalDesk:
    """Speaks for workers that declined."""

    def __init__(
        self, control: RoomControl, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._control = control
        self._sleep = sleep

    async def tell_caller(self, room: str, reason: RefusalReason) -> None:
        """Put the caller out of the room unless somebody else answers. Never raises."""
        try:
            if not for_all(reason):
                await self._sleep(GRACE_SECONDS)
            for _ in range(LOOKS):
                if await self._settled(room):
                    return
                await self._sleep(LOOK_SECONDS)
        except RoomControlError as error:
            _log.warning("a refused caller may hear ringing: %s", error, extra={"room": room})

    async def _settled(self, room: str) -> bool:
        """Put callers out; whether somebody was there to be put out or to answer."""
        occupants = await self._control.occupants(room)
        if occupants.agents:
            return True
        for caller in occupants.callers:
            await self._control.remove(room, caller)
            _log.info("caller told busy", extra={"room": room})
        return bool(occupants.callers)


def for_all(reason: RefusalReason) -> bool:
    """Whether no other worker would decide differently."""
    return reason in _FOR_ALL
