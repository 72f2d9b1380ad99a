"""Workers as the book sees them, on a real Redis; time passes by moving the book's own times."""

import uuid
from typing import Any, cast

from redis.asyncio import Redis

from switchboard_agent.recovery.book import CallBook, Page, Standing
from switchboard_contract.recovery import BookKeys


class Pool:
    """One pool's book and its workers."""

    def __init__(self, redis: "Redis") -> None:
        self.name = f"pool-{uuid.uuid4().hex[:8]}"
        self.keys = BookKeys(self.name)
        self._redis = redis
        self.raw = cast("Any", redis)

    async def worker(self, name: str) -> CallBook:
        """A worker that has begun to beat."""
        book = CallBook(self._redis, self.name, name)
        assert (await beat(book)).standing is Standing.NEW
        return book

    async def age(self, book: CallBook, ms: int) -> None:
        """The worker has not beaten for so much longer."""
        await self.raw.zincrby(self.keys.workers, -ms, book.life)

    async def age_orphans(self, ms: int) -> None:
        """Calls have been without a worker for so much longer."""
        for call, since in await self.raw.zrange(self.keys.orphans, 0, -1, withscores=True):
            await self.raw.zadd(self.keys.orphans, {call: since - ms})

    async def owner(self, call_id: str) -> tuple[int, str] | None:
        """Epoch and life of who holds a call."""
        found = await self.raw.hget(self.keys.owners, call_id)
        if found is None:
            return None
        epoch, life = found.decode().split(" ")
        return int(epoch), life


async def beat(book: CallBook, *, free: int = 10, hears: bool = True) -> Page:
    """One beat."""
    return await book.beat(free=free, hears_livekit=hears)


async def enter(book: CallBook, *calls: str) -> None:
    """Calls that the worker serves from the beginning."""
    for call in calls:
        assert await book.keep(call, 0, f"state of {call}", entering=True, seconds=60)
