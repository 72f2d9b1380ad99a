"""The slow look at LiveKit, and who must look again because of it."""

import asyncio
import logging
from collections.abc import Callable

from switchboard_operator.directory import Key, KeyKind, agent_key
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.sip.mirror import Mirror, PollResult
from switchboard_operator.store import Store

_log = logging.getLogger(__name__)

AWAY_SECONDS = 2.0
"""Time between looks while LiveKit is away: callers wait for it."""


async def follow(mirror: Mirror, store: Store, wake: Callable[[Key], None], seconds: float) -> None:
    """Poll for ever."""
    while True:
        was = mirror.error
        result = await mirror.poll()
        if (mirror.error is None) != (was is None):
            _log.warning("LiveKit: %s", mirror.error or "answers")
        for key in touched(result, store):
            wake(key)
        await asyncio.sleep(AWAY_SECONDS if mirror.error else seconds)


def touched(result: PollResult, store: Store) -> list[Key]:
    """Return the VoiceAgents that must look again."""
    if result.everybody:
        return [agent_key(agent) for agent in store.all(VOICE_AGENT)]
    pairs = [agent.partition("/") for agent in sorted(result.agents)]
    return [
        Key(KeyKind.VOICE_AGENT, namespace, name)
        for namespace, _, name in pairs
        if store.get(VOICE_AGENT, namespace, name)
    ]
