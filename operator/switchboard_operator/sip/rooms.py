"""Live rooms, asked for now: the poll's count is up to a poll old.

Who ends calls, or waits for their end, must not miss one that came since. A thousand VoiceAgents
deleted at once all ask; one list answers everybody who asked before it began.
"""

import asyncio
from collections import defaultdict

from switchboard_operator.sip.api import SipApi
from switchboard_operator.sip.wire import agent_of


class Rooms:
    """Rooms of each VoiceAgent's calls."""

    def __init__(self, api: SipApi) -> None:
        self._api = api
        self._lock = asyncio.Lock()
        self._begun = 0
        self._answered = 0
        self._rooms: dict[str, list[str]] = {}

    async def of(self, agent: str) -> list[str]:
        """Return the rooms of an agent (`namespace/name`) by a list that begins after now."""
        needed = self._begun + 1
        async with self._lock:
            if self._answered < needed:
                self._begun += 1
                self._rooms = _by_agent(await self._api.list_rooms())
                self._answered = self._begun
        return self._rooms.get(agent, [])

    async def end(self, agent: str) -> int:
        """End every call of an agent; return how many there were."""
        found = await self.of(agent)
        for room in found:
            await self._api.delete_room(room)
        return len(found)


def _by_agent(rooms: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, metadata in rooms:
        if agent := agent_of(metadata):
            found[agent].append(name)
    return dict(found)
