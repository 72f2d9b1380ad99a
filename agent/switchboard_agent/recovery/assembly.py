"""Puts together what keeps a worker's calls alive beyond it."""

from dataclasses import dataclass

from redis.asyncio import Redis

from switchboard_agent.clock import LoopClock
from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.records.base import CallRecorder
from switchboard_agent.recovery.book import CallBook
from switchboard_agent.recovery.fence import BeatFence
from switchboard_agent.recovery.keeper import BookKeeper, Hands
from switchboard_agent.recovery.rescue import RescueParts
from switchboard_agent.recovery.token import room_tokens
from switchboard_agent.settings import Settings
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.worker.service import Worker


@dataclass(frozen=True, slots=True)
class Recovery:
    """The worker's place in its pool's book."""

    fence: BeatFence
    keeper: BookKeeper

    @classmethod
    def of(cls, settings: Settings, redis: "Redis", telemetry: Telemetry) -> "Recovery":
        """For a worker of the settings' pool."""
        fence = BeatFence()
        book = CallBook(redis, settings.pool, settings.worker_name)
        return cls(fence, BookKeeper(book, fence, telemetry))

    def rescue(
        self, settings: Settings, records: CallRecorder, telemetry: Telemetry
    ) -> RescueParts:
        """What the worker needs to go on with calls of others."""
        return RescueParts(
            keeper=self.keeper,
            records=records,
            telemetry=telemetry,
            clock=LoopClock(),
            token=room_tokens(settings.livekit_api_key, settings.livekit_api_secret),
            put_back=self.keeper.put_back,
        )

    async def run(self, worker: Worker, lag: LoopLag) -> None:
        """Beat, keep and take up until cancelled."""
        hands = Hands(
            places=worker.places_for_rescues,
            hears_livekit=lambda: worker.hears_livekit,
            lag_seconds=lambda: lag.p95_seconds,
            take_up=worker.take_up,
            let_go=worker.let_go,
        )
        await self.keeper.run(hands)
