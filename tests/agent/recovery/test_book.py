"""The book on a real Redis: a lost call is taken up by exactly one, and by nobody too early."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from switchboard_agent.recovery.book import CallBook, Standing
from switchboard_contract.recovery import GRACE_MS, LEASE_MS, OVERDUE_MS, STALL_MS
from switchboard_local.servers import RedisServer
from tests.agent.recovery.books import Pool, beat, enter

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def pool(redis: RedisServer) -> AsyncIterator[Pool]:
    client = Redis.from_url(redis.url)
    yield Pool(client)
    await client.aclose()


async def test_calls_of_a_silent_worker_are_taken_up_with_what_it_knew(pool: Pool) -> None:
    dead, peer = await pool.worker("a"), await pool.worker("b")
    await enter(dead, "c1")
    assert (await beat(peer)).claims == ()
    await pool.age(dead, LEASE_MS + 100)
    (claim,) = (await beat(peer)).claims
    assert (claim.call_id, claim.snapshot, claim.overdue) == ("c1", "state of c1", False)
    assert claim.epoch > 0
    assert await pool.owner("c1") == (claim.epoch, peer.life)


async def test_a_longer_lease_is_waited_for(pool: Pool) -> None:
    slow, peer = await pool.worker("a"), await pool.worker("b")
    await enter(slow, "c1")
    await slow.beat(free=0, hears_livekit=True, lease_ms=3000)
    await pool.age(slow, LEASE_MS + 100)
    assert (await beat(peer)).claims == ()
    await pool.age(slow, 3000)
    assert len((await beat(peer)).claims) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.integers(1, 25), places=st.lists(st.integers(0, 12), min_size=1, max_size=8))
async def test_many_claimers_and_each_call_has_one_of_them(
    redis: RedisServer, calls: int, places: list[int]
) -> None:
    async with Redis.from_url(redis.url) as client:
        pool = Pool(client)
        dead = await pool.worker("dead")
        peers = [await pool.worker(f"peer-{i}") for i in range(len(places))]
        await enter(dead, *(f"c{i}" for i in range(calls)))
        await pool.age(dead, LEASE_MS + 100)
        taken: Counter[str] = Counter()
        left = list(places)

        async def take(number: int, peer: CallBook) -> None:
            page = await beat(peer, free=left[number])
            left[number] -= len(page.claims)
            assert left[number] >= 0
            taken.update(claim.call_id for claim in page.claims)

        for _ in range(calls + 1):
            await asyncio.gather(*(take(n, peer) for n, peer in enumerate(peers)))
        assert len(taken) == min(calls, sum(places))
        assert set(taken.values()) <= {1}


async def test_peers_share_the_calls_of_a_dead_worker(pool: Pool) -> None:
    dead, one, two = [await pool.worker(name) for name in "abc"]
    await enter(dead, *(f"c{i}" for i in range(10)))
    await pool.age(dead, LEASE_MS + 100)
    assert len((await beat(one)).claims) == 5
    assert len((await beat(two)).claims) == 3
    assert len((await beat(one)).claims) == 1
    assert len((await beat(two)).claims) == 1


async def test_a_worker_that_was_asleep_is_told_and_begins_a_new_life(pool: Pool) -> None:
    asleep, peer = await pool.worker("a"), await pool.worker("b")
    await enter(asleep, "c1")
    old = asleep.life
    await pool.age(asleep, LEASE_MS + 100)
    (claim,) = (await beat(peer)).claims
    assert not await asleep.keep("c1", 0, "stale", entering=False, seconds=60)
    assert (await beat(asleep)).standing is Standing.FENCED
    assert asleep.life != old
    assert (await beat(asleep)).standing is Standing.NEW
    assert (await beat(asleep)).standing is Standing.OK
    assert await pool.owner("c1") == (claim.epoch, peer.life)


async def test_the_next_epoch_is_higher_than_all_before(pool: Pool) -> None:
    one, two, three = [await pool.worker(name) for name in "abc"]
    await enter(one, "c1")
    await pool.age(one, LEASE_MS + 100)
    (first,) = (await beat(two)).claims
    await pool.age(two, LEASE_MS + 100)
    (second,) = (await beat(three)).claims
    assert 0 < first.epoch < second.epoch


async def test_nobody_is_taken_for_dead_right_after_redis_was_away(pool: Pool) -> None:
    one, two = await pool.worker("a"), await pool.worker("b")
    await enter(one, "c1")
    for book in (one, two):
        await pool.age(book, 60_000)
    await pool.raw.hincrby(pool.keys.meta, "seen", -60_000)
    assert (await beat(two)).claims == ()
    assert (await beat(one)).standing is Standing.OK
    await pool.age(one, 60_000)
    assert (await beat(two)).claims == ()
    await pool.raw.hincrby(pool.keys.meta, "grace", -GRACE_MS - 1000)
    assert len((await beat(two)).claims) == 1


async def test_a_stall_of_redis_is_nobodys_death_and_saves_nobody_who_is_dead(pool: Pool) -> None:
    dead, slow, peer = [await pool.worker(name) for name in "abc"]
    await enter(dead, "c1")
    await enter(slow, "c2")
    for book in (dead, slow):
        await pool.age(book, LEASE_MS + 50)
    await pool.raw.hincrby(pool.keys.meta, "seen", -STALL_MS - 50)
    assert (await beat(peer)).claims == ()
    assert (await beat(slow)).standing is Standing.OK, "its beat was waiting behind the peer's"
    await pool.raw.hincrby(pool.keys.meta, "grace", -STALL_MS)
    assert [claim.call_id for claim in (await beat(peer)).claims] == ["c1"]


async def test_a_book_that_lost_its_data_is_entered_again(pool: Pool) -> None:
    one = await pool.worker("a")
    await enter(one, "c1")
    await pool.raw.delete(pool.keys.meta, pool.keys.workers, pool.keys.owners, pool.keys.takers)
    assert (await beat(one)).standing is Standing.NEW
    assert await one.keep("c1", 0, "state", entering=True, seconds=60)
    assert await pool.owner("c1") == (0, one.life)
    assert (await beat(one)).standing is Standing.OK


async def test_a_cut_off_worker_gives_its_calls_away_only_to_peers_with_places(pool: Pool) -> None:
    cut, peer = await pool.worker("a"), await pool.worker("b")
    await enter(cut, "c1")
    await beat(peer, free=0)
    assert not await cut.surrender()
    await beat(peer, free=4, hears=False)
    assert not await cut.surrender()
    await beat(peer, free=4)
    assert (await beat(cut, free=3)).places_elsewhere == 4
    assert await cut.surrender()
    assert [claim.call_id for claim in (await beat(peer)).claims] == ["c1"]


async def test_a_worker_that_does_not_hear_livekit_takes_nothing_up(pool: Pool) -> None:
    dead, deaf = await pool.worker("a"), await pool.worker("b")
    await enter(dead, "c1")
    await pool.age(dead, LEASE_MS + 100)
    page = await beat(deaf, hears=False)
    assert (page.claims, page.orphans) == ((), 1)
    await pool.age_orphans(OVERDUE_MS)
    assert (await beat(deaf, hears=False)).claims == ()


async def test_a_call_that_nobody_has_a_place_for_is_handed_out_to_be_ended(pool: Pool) -> None:
    dead, full = await pool.worker("a"), await pool.worker("b")
    await enter(dead, "c1")
    await pool.age(dead, LEASE_MS + 100)
    assert (await beat(full, free=0)).orphans == 1
    await pool.age_orphans(OVERDUE_MS + 1)
    (claim,) = (await beat(full, free=0)).claims
    assert claim.overdue
    assert claim.waited_ms > OVERDUE_MS


async def test_a_call_put_back_keeps_the_time_it_has_waited(pool: Pool) -> None:
    dead, peer = await pool.worker("a"), await pool.worker("b")
    await enter(dead, "c1")
    await pool.age(dead, LEASE_MS + 100)
    (claim,) = (await beat(peer)).claims
    assert await peer.put_back(claim.call_id, claim.epoch, 5000)
    assert not await peer.put_back(claim.call_id, claim.epoch, 5000)
    (again,) = (await beat(peer)).claims
    assert again.waited_ms >= 5000
    assert again.epoch > claim.epoch


async def test_the_book_says_what_a_worker_holds(pool: Pool) -> None:
    one, two = await pool.worker("a"), await pool.worker("b")
    await enter(one, "c1", "c2")
    await enter(two, "c3")
    assert await one.mine() == {"c1": 0, "c2": 0}


async def test_a_drained_worker_leaves_and_one_with_calls_stays_until_its_lease_is_over(
    pool: Pool,
) -> None:
    one, two, peer = [await pool.worker(name) for name in "abc"]
    await enter(two, "c1")
    for book in (one, two):
        await book.linger(10)
        await book.leave()
    lives = {life.decode() for life in await pool.raw.zrange(pool.keys.workers, 0, -1)}
    assert lives == {two.life, peer.life}
    await pool.age(two, 10_100)
    assert [claim.call_id for claim in (await beat(peer)).claims] == ["c1"]
