"""What the worker says about the same calls: its call events, joined by the test id.

Each INVITE carries `X-Lk-Test-Id`, which travels through trunk, room and worker into the
`CallStarted` event; so what the caller said and what the agent understood stand side by side.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import redis.asyncio as redis
from pydantic import ValidationError
from redis.exceptions import RedisError

from switchboard_contract import names
from switchboard_contract.call_events import (
    CALL_EVENT,
    CallEnded,
    CallEvent,
    CallStarted,
    ReplySpoken,
    TurnHeard,
)
from switchboard_loadtest.errors import LoadTestError

_ASK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation."""

    who: str
    text: str
    at_unix_ms: int


@dataclass(frozen=True, slots=True)
class AgentView:
    """One call as the worker told it."""

    started: CallStarted
    events: tuple[CallEvent, ...]

    @property
    def ended(self) -> CallEnded | None:
        """Outcome and booking; None while the call is not over."""
        return next((event for event in self.events if isinstance(event, CallEnded)), None)

    @property
    def understood(self) -> list[str]:
        """Texts of the caller's turns, as recognised."""
        return [e.text for e in self.events if isinstance(e, TurnHeard) and e.text]

    @property
    def conversation(self) -> list[Line]:
        """What was understood and what of the replies was heard, in order of time."""
        zero = self.started.at_unix_ms - self.started.at_call_ms
        lines = []
        for event in self.events:
            if isinstance(event, TurnHeard):
                text = event.text or f"[keys {event.dtmf}]"
                lines.append(Line("caller", text, zero + event.speech_ended_call_ms))
            elif isinstance(event, ReplySpoken):
                text = event.heard + (" [interrupted]" if event.interrupted else "")
                lines.append(Line("agent", text.strip(), zero + event.started_call_ms))
        return sorted(lines, key=lambda line: line.at_unix_ms)


def join(events: Iterable[CallEvent], test_ids: Sequence[str]) -> dict[str, AgentView]:
    """Group events by the test id of their call; each event counts once."""
    by_call: dict[str, dict[int, CallEvent]] = {}
    started: dict[str, CallStarted] = {}
    wanted = set(test_ids)
    for event in events:
        by_call.setdefault(event.call_id, {}).setdefault(event.sequence, event)
        if isinstance(event, CallStarted) and event.test_id in wanted:
            started[event.test_id] = event
    return {
        test_id: AgentView(start, tuple(e for _, e in sorted(by_call[start.call_id].items())))
        for test_id, start in started.items()
    }


class CallStream:
    """Reads the stream of call events from a moment on."""

    def __init__(self, url: str, since_unix_ms: int) -> None:
        self._url = url
        self._since = since_unix_ms

    async def views(
        self, test_ids: Sequence[str], *, answered: Sequence[str], patience_s: float = 5.0
    ) -> dict[str, AgentView]:
        """Views of these calls, once every answered one has ended or patience has."""
        deadline = time.monotonic() + patience_s
        client = redis.Redis.from_url(self._url)
        try:
            while True:
                views = join(await self._read(client), test_ids)
                done = all(test_id in views and views[test_id].ended for test_id in answered)
                if done or time.monotonic() > deadline:
                    return views
                await asyncio.sleep(_ASK_AGAIN_S)
        except RedisError as error:
            raise LoadTestError(
                f"call events cannot be read from {self._url} ({error})",
                "give the Redis that the workers write to, or leave it out",
            ) from error
        finally:
            await client.aclose()

    async def _read(self, client: redis.Redis) -> list[CallEvent]:
        entries = await client.xrange(names.CALL_STREAM, min=str(self._since)) or []
        events: list[CallEvent] = []
        for _, fields in entries:
            try:
                events.append(CALL_EVENT.validate_json((fields or {})[b"event"]))
            except (KeyError, ValidationError):
                continue  # written by another version; the join then shows what is missing
        return events
