"""The keeper on a real Redis: what is kept, what is let go, what is found again."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from switchboard_agent.recovery.base import HeldCall
from switchboard_agent.recovery.book import CallBook, Claim
from switchboard_agent.recovery.fence import BeatFence
from switchboard_agent.recovery.keeper import BookKeeper, Hands
from switchboard_agent.telemetry import Telemetry
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.recovery import LARGEST_SNAPSHOT_BYTES, CallSnapshot, ScriptMemory
from switchboard_local.servers import RedisServer
from tests.agent.recovery.books import Pool, beat

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


class Desk:
    """One worker's keeper, and what it set going."""

    def __init__(self, pool: Pool, client: "Redis", name: str) -> None:
        self.book = CallBook(client, pool.name, name)
        self.telemetry = Telemetry()
        self.keeper = BookKeeper(self.book, BeatFence(), self.telemetry)
        self.taken: list[Claim] = []
        self.let_go: list[str] = []
        self.hears = True
        self.free = 10
        self.question = ""
        self.hands = Hands(
            places=lambda: self.free,
            hears_livekit=lambda: self.hears,
            lag_seconds=lambda: 0.0,
            take_up=self.taken.append,
            let_go=self.let_go.append,
        )

    def hold(self, call_id: str, *, epoch: int = 0) -> None:
        self.keeper.hold(
            HeldCall(call_id, f"job-{call_id}", epoch, 60, lambda: self.state(call_id))
        )

    def state(self, call_id: str) -> CallSnapshot:
        return CallSnapshot(
            call_id=call_id,
            job_id=f"job-{call_id}",
            room="r",
            dispatch=DispatchMetadata(agent="a/b", revision="c"),
            started_unix_ms=0,
            dialog=ScriptMemory(stage="idle", question=self.question),
        )

    async def write(self) -> None:
        """Write what is waiting."""
        await self.keeper.flush(self.hands)

    def count(self, name: str, **labels: str) -> float:
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0


@pytest_asyncio.fixture(loop_scope="session")
async def client(redis: RedisServer) -> AsyncIterator["Redis"]:
    made = Redis.from_url(redis.url)
    yield made
    await made.aclose()


async def settled(pool: Pool, client: "Redis", name: str) -> Desk:
    desk = Desk(pool, client, name)
    await desk.keeper.beat(desk.hands)
    return desk


async def test_a_held_call_is_taken_up_by_a_peer_as_it_last_was(
    client: "Redis",
) -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one, two = await settled(pool, client, "a"), await settled(pool, client, "b")
    one.hold(call)
    await one.write()
    one.question = "What is your name?"
    one.keeper.changed(call)
    await one.write()
    await pool.age(one.book, 1000)
    await two.keeper.beat(two.hands)
    (claim,) = two.taken
    assert CallSnapshot.model_validate_json(claim.snapshot) == one.state(call)


async def test_a_call_that_is_kept_now_is_in_the_book_when_it_goes_on(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one = await settled(pool, client, "a")
    one.hold(call)
    await one.write()
    one.question = "Which key?"
    keeping = asyncio.ensure_future(one.keeper.keep_now(call))
    await asyncio.sleep(0.05)
    assert not keeping.done()
    await one.write()
    await asyncio.wait_for(keeping, 1)
    text = await pool.raw.get(pool.keys.snapshot(call))
    assert CallSnapshot.model_validate_json(text) == one.state(call)


async def test_a_call_does_not_wait_for_a_book_that_is_away_or_slow(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    away = Desk(pool, client, "a")
    away.hold(call)
    await asyncio.wait_for(away.keeper.keep_now(call), 0.5)
    slow = await settled(pool, client, "b")
    slow.hold(call)
    await asyncio.wait_for(slow.keeper.keep_now(call), 3)


async def test_a_worker_that_lost_its_calls_lets_go_of_all(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one, two = await settled(pool, client, "a"), await settled(pool, client, "b")
    one.hold(call)
    await one.write()
    await pool.age(one.book, 1000)
    await two.keeper.beat(two.hands)
    assert await one.keeper.beat(one.hands)
    assert one.let_go == [f"job-{call}"]
    assert one.count("switchboard_calls_let_go_total", reason="fenced") == 1


async def test_a_snapshot_that_is_refused_lets_go_of_that_call(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one = await settled(pool, client, "a")
    one.hold(call)
    await one.write()
    await pool.raw.hset(pool.keys.owners, call, "7 somebody")
    one.question = "else"
    one.keeper.changed(call)
    await one.write()
    assert one.let_go == [f"job-{call}"]


async def test_a_snapshot_that_is_too_large_leaves_the_last_one(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one = await settled(pool, client, "a")
    one.hold(call)
    await one.write()
    before = await pool.raw.get(pool.keys.snapshot(call))
    one.question = "x" * LARGEST_SNAPSHOT_BYTES
    one.keeper.changed(call)
    await one.write()
    assert await pool.raw.get(pool.keys.snapshot(call)) == before
    assert one.count("switchboard_snapshots_dropped_total", reason="too_large") == 1


async def test_a_claim_whose_answer_was_lost_is_found_again(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    dead, two = await settled(pool, client, "a"), await settled(pool, client, "b")
    dead.hold(call)
    await dead.write()
    await pool.age(dead.book, 1000)
    assert len((await beat(two.book)).claims) == 1
    await two.keeper.audit()
    await two.keeper.beat(two.hands)
    assert two.taken == []
    await two.keeper.audit()
    await two.keeper.beat(two.hands)
    assert [claim.call_id for claim in two.taken] == [call]


async def test_a_hiccup_of_livekit_gives_nothing_away_but_silence_as_long_as_a_lease_does(
    client: "Redis",
) -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one, two = await settled(pool, client, "a"), await settled(pool, client, "b")
    one.hold(call)
    await one.write()
    await two.keeper.beat(two.hands)
    for hears in (*(False,) * 4, True, *(False,) * 4):
        one.hears = hears
        await one.keeper.beat(one.hands)
    assert one.let_go == []
    await one.keeper.beat(one.hands)
    assert one.let_go == [f"job-{call}"]
    await two.keeper.beat(two.hands)
    assert [claim.call_id for claim in two.taken] == [call]


async def test_a_call_given_away_is_for_whoever_beats_next(client: "Redis") -> None:
    pool, call = Pool(client), uuid.uuid4().hex
    one = await settled(pool, client, "a")
    one.hold(call)
    assert not one.keeper.give_away(call)
    await one.write()
    assert one.keeper.give_away(call)
    await one.write()
    await one.keeper.beat(one.hands)
    assert [claim.call_id for claim in one.taken] == [call]
    assert one.let_go == []
