"""Call events to a Redis stream, in order, without a call ever waiting for Redis.

Events wait in a bounded buffer; one task appends them in batches. With Redis away they stay there
and the oldest go when it is full, counted. A batch whose answer was lost is sent again: consumers
drop what they have seen, by (call id, sequence).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from switchboard_agent.worker.backoff import Backoff
from switchboard_contract.call_events import CallEvent
from switchboard_contract.names import CALL_STREAM

BUFFER_EVENTS = 20_000
"""A call makes about one event in two seconds: an hour of ten calls. About 20 MB when full."""

BATCH_EVENTS = 200

FLUSH_SECONDS = 5.0
"""How long a stopping worker tries to bring out what is left."""

Append = Callable[["Pipeline", CallEvent], object]
"""Puts one event into a pipeline."""

_log = logging.getLogger(__name__)


def append_plainly(pipeline: "Pipeline", event: CallEvent) -> None:
    """One entry of the stream."""
    pipeline.xadd(CALL_STREAM, {"event": event.model_dump_json(by_alias=True)})


class RedisStreamRecorder:
    """`CallRecorder` that appends to `names.CALL_STREAM`."""

    def __init__(
        self,
        redis: "Redis",
        *,
        on_dropped: Callable[[int], None],
        append: Append = append_plainly,
        buffer_events: int = BUFFER_EVENTS,
        backoff: Backoff | None = None,
    ) -> None:
        """`on_dropped` is told how many events were lost; `append` may refuse events for good."""
        self._redis = redis
        self._on_dropped = on_dropped
        self._append = append
        self._buffer_events = buffer_events
        self._waiting: deque[CallEvent] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._backoff = backoff or Backoff(first_seconds=0.1, last_seconds=5.0)
        self._away = False

    def record(self, event: CallEvent) -> None:
        """Keep one event until Redis has it."""
        if len(self._waiting) >= self._buffer_events:
            self._waiting.popleft()
            self._on_dropped(1)
        self._waiting.append(event)
        self._empty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Append until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if not await self._append_batch():
                    await asyncio.sleep(self._backoff.next_seconds())
            self._empty.set()

    async def flush(self) -> None:
        """Wait until everything is out, but not for ever; what is left then counts as lost."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._empty.wait()
        except TimeoutError:
            lost = len(self._waiting)
            self._on_dropped(lost)
            _log.error("%d call events are lost: Redis is away", lost)

    async def _append_batch(self) -> bool:
        """Append the oldest events; they leave the buffer only once Redis has them."""
        batch = [self._waiting[i] for i in range(min(BATCH_EVENTS, len(self._waiting)))]
        pipeline = self._redis.pipeline(transaction=False)
        for event in batch:
            self._append(pipeline, event)
        try:
            await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self._note_away(away=True, reason=str(error))
            return False
        for event in batch:  # a full buffer may have dropped some of them meanwhile
            if self._waiting and self._waiting[0] is event:
                self._waiting.popleft()
        self._note_away(away=False)
        self._backoff.reset()
        return True

    def _note_away(self, *, away: bool, reason: str = "") -> None:
        if away != self._away:
            self._away = away
            if away:
                _log.warning("call events wait in memory, Redis is away: %s", reason)
            else:
                _log.warning("call events reach Redis again")
