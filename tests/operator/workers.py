"""Workers as far as anybody hears of them: the agent's heartbeats, with figures a test sets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from redis.asyncio import Redis

from switchboard_agent.heartbeat import Heart, Pulse
from switchboard_agent.turn_window import Recent


@dataclass
class FakeWorker:
    """Figures of one worker; change them while it beats."""

    calls: dict[str, int] = field(default_factory=dict)
    places: int = 10
    draining: bool = False
    recent: Recent = field(default_factory=lambda: Recent(0, None))
    missed: int = 0
    models: dict[str, int] = field(default_factory=dict)

    def heart(self, redis: "Redis", pool: str, name: str = "worker-1") -> Heart:
        """Return its heart."""
        return Heart(
            redis,
            pool=pool,
            worker=name,
            namespace=pool.partition(".")[0],
            pulse=Pulse(
                calls_by_agent=lambda: self.calls,
                places=lambda: self.places,
                draining=lambda: self.draining,
                recent_turns=lambda: self.recent,
                calls_by_model=lambda: self.models,
            ),
            on_missed=self._missed,
        )

    def _missed(self) -> None:
        self.missed += 1


@contextlib.asynccontextmanager
async def beating(
    url: str, pool: str, worker: FakeWorker, name: str = "worker-1"
) -> AsyncIterator[Heart]:
    """Let a worker beat while the block runs; it then leaves as after a drain."""
    redis = Redis.from_url(url)
    heart = worker.heart(redis, pool, name)
    task = asyncio.create_task(heart.run())
    try:
        yield heart
    finally:
        task.cancel()
        await asyncio.wait({task})
        await heart.leave()
        await redis.aclose()
