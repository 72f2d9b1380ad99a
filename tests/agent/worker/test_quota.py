"""A tenant's quota holds over all workers, survives their death, and never blocks for Redis."""

import asyncio
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from switchboard_agent.admission_quota import KEY_PREFIX, LEASE_SECONDS, RedisQuota
from switchboard_local.servers import RedisServer


class AwayRedis:
    """A Redis that refuses every connection, until it is back."""

    def register_script(self, _: str) -> "AwayRedis":
        return self

    async def __call__(self, **_: object) -> int:
        raise RedisConnectionError("Connection refused")

    async def ping(self) -> bool:
        raise RedisConnectionError("Connection refused")


async def test_without_redis_the_worker_counts_its_own_calls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unshared = 0

    def count() -> None:
        nonlocal unshared
        unshared += 1

    quota = RedisQuota(cast("Redis", AwayRedis()), on_unshared=count)
    taken = [await quota.acquire("acme", f"C{i}", limit=2) for i in range(3)]
    await quota.release("acme", "C0")
    again = await quota.acquire("acme", "C4", limit=2)

    assert taken == [True, True, False]
    assert again
    assert unshared == 4
    assert caplog.text.count("Redis is away") == 1


@pytest.mark.integration
class TestShared:
    """Against a real Redis."""

    async def test_two_workers_together_never_pass_the_limit(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url) as one, Redis.from_url(redis.url) as two:
            workers = [
                RedisQuota(one, on_unshared=pytest.fail),
                RedisQuota(two, on_unshared=pytest.fail),
            ]
            taken = await asyncio.gather(
                *(workers[i % 2].acquire("shared", f"C{i}", limit=5) for i in range(20))
            )
        assert sum(taken) == 5

    async def test_released_place_is_free_for_another_worker(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url) as client:
            one = RedisQuota(client, on_unshared=pytest.fail)
            two = RedisQuota(client, on_unshared=pytest.fail)
            assert await one.acquire("free", "C1", limit=1)
            assert not await two.acquire("free", "C2", limit=1)
            await one.release("free", "C1")
            assert await two.acquire("free", "C2", limit=1)

    async def test_asking_twice_for_one_call_takes_one_place(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url) as client:
            quota = RedisQuota(client, on_unshared=pytest.fail)
            assert await quota.acquire("twice", "C1", limit=1)
            assert await quota.acquire("twice", "C1", limit=1)

    async def test_leases_of_a_dead_worker_run_out(self, redis: RedisServer) -> None:
        async with Redis.from_url(redis.url) as client:
            dead = RedisQuota(client, on_unshared=pytest.fail)
            await dead.acquire("dead", "C1", limit=1)
            await client.zincrby(KEY_PREFIX + "dead", -LEASE_SECONDS - 1, "C1")
            other = RedisQuota(client, on_unshared=pytest.fail)
            assert await other.acquire("dead", "C2", limit=1)

    async def test_renewal_puts_live_calls_back_after_redis_lost_its_data(
        self, redis: RedisServer
    ) -> None:
        async with Redis.from_url(redis.url) as client:
            quota = RedisQuota(client, on_unshared=pytest.fail)
            await quota.acquire("lost", "C1", limit=1)
            await client.delete(KEY_PREFIX + "lost")
            await quota.renew()
            other = RedisQuota(client, on_unshared=pytest.fail)
            assert not await other.acquire("lost", "C2", limit=1)
