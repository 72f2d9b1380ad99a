"""A tenant's new calls per second: one bucket for all workers, and never a call delayed for it."""

import asyncio
from typing import cast

import pytest
from redis.asyncio import Redis

from switchboard_agent.admission_rate import AWAY_SECONDS, Bucket, RedisRate
from switchboard_contract.names import RATE_KEY_PREFIX
from switchboard_local.servers import RedisServer
from tests.agent.worker.test_quota import AwayRedis


def test_a_bucket_gives_one_seconds_worth_at_once_and_then_the_rate() -> None:
    bucket = Bucket(tokens=3, at=0.0)
    assert [bucket.take(3, 0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(3, 0.34), bucket.take(3, 0.34)] == [True, False]
    assert [bucket.take(3, 60.0) for _ in range(4)] == [True, True, True, False], "never more"


async def test_without_redis_each_worker_keeps_the_rate_and_asks_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, unshared = 100.0, 0

    def count() -> None:
        nonlocal unshared
        unshared += 1

    rate = RedisRate(cast("Redis", AwayRedis()), on_unshared=count, clock=lambda: now)
    assert [await rate.take("acme", 2) for _ in range(3)] == [True, True, False]
    assert unshared == 3
    assert caplog.text.count("Redis is away") == 1
    now += AWAY_SECONDS
    assert await rate.take("acme", 2)
    assert caplog.text.count("Redis is away") == 2


@pytest.mark.integration
class TestShared:
    """Against a real Redis."""

    async def test_workers_together_never_pass_the_rate(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url) as one, Redis.from_url(redis.url) as two:
            workers = [RedisRate(client, on_unshared=pytest.fail) for client in (one, two)]
            taken = await asyncio.gather(*(workers[i % 2].take("burst", 5) for i in range(40)))
        assert 5 <= sum(taken) <= 7, "one second's worth, and what came in while asking"

    async def test_it_fills_up_again(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url, decode_responses=True) as client:
            rate = RedisRate(client, on_unshared=pytest.fail)
            assert [await rate.take("refill", 1) for _ in range(2)] == [True, False]
            at = float(str(await client.hget(RATE_KEY_PREFIX + "refill", "at")))
            await client.hset(RATE_KEY_PREFIX + "refill", "at", str(at - 1.0))
            assert await rate.take("refill", 1)

    async def test_tenants_have_their_own(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url) as client:
            rate = RedisRate(client, on_unshared=pytest.fail)
            assert await rate.take("one", 1)
            assert await rate.take("other", 1)
            assert await client.ttl(RATE_KEY_PREFIX + "one") > 0
