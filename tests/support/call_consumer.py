"""A consumer of call events, as the API reads them: a consumer group, acknowledged after the fact.

What was delivered and not acknowledged (a consumer that died) is claimed again; what is delivered
twice counts once, by (call id, sequence). `records` folds all that was read.
"""

from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from switchboard_contract.call_events import CALL_EVENT, CallEvent
from switchboard_contract.call_record import CallRecord, fold
from switchboard_contract.names import CALL_STREAM

BATCH = 500


class CallConsumer:
    """One member of a group."""

    def __init__(self, redis: "Redis", group: str, name: str = "reader") -> None:
        self._redis = cast("Any", redis)  # redis-py types each answer as a union of all versions
        self._group = group
        self._name = name
        self.events: list[CallEvent] = []
        """In the order of their first delivery."""
        self._seen: set[tuple[str, int]] = set()

    async def open(self, *, start: str = "0") -> None:
        """Make the group if it is not there; it reads from `start` on."""
        try:
            await self._redis.xgroup_create(CALL_STREAM, self._group, id=start, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def take(self) -> None:
        """Take what is new and acknowledge it."""
        while entries := await self.deliver():
            await self.acknowledge(entries)

    async def deliver(self) -> list[Any]:
        """Take a batch without acknowledging it."""
        answer = await self._redis.xreadgroup(
            self._group, self._name, {CALL_STREAM: ">"}, count=BATCH
        )
        return self._keep(_entries(answer))

    async def claim(self, *, idle_ms: int) -> None:
        """Take over what other consumers left lying for so long."""
        cursor = "0-0"
        while True:
            cursor, entries, *_ = await self._redis.xautoclaim(
                CALL_STREAM, self._group, self._name, idle_ms, cursor, count=BATCH
            )
            await self.acknowledge(self._keep(entries))
            if cursor in {b"0-0", "0-0"}:
                return

    async def acknowledge(self, entries: list[Any]) -> None:
        """These are kept for good."""
        if entries:
            await self._redis.xack(CALL_STREAM, self._group, *(at for at, _ in entries))

    def records(self) -> dict[str, CallRecord]:
        """What became of each call."""
        return fold(self.events)

    def _keep(self, entries: list[Any]) -> list[Any]:
        for _, fields in entries:
            event = CALL_EVENT.validate_json(fields[b"event"])
            if (event.call_id, event.sequence) not in self._seen:
                self._seen.add((event.call_id, event.sequence))
                self.events.append(event)
        return entries


def _entries(answer: Any) -> list[Any]:  # noqa: ANN401 redis-py answers lists or maps
    if not answer:
        return []
    pairs = answer.items() if isinstance(answer, dict) else answer
    return [entry for _, batch in pairs for entry in batch]
