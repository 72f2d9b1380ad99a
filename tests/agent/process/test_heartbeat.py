"""A worker says how it is twice a second; Redis away costs no call anything, and is counted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from switchboard_agent.heartbeat import Heart, Pulse
from switchboard_agent.turn_window import Recent, TurnWindow
from switchboard_contract import names
from switchboard_contract.heartbeat import LIFETIME_MS, STALE_SECONDS, Heartbeat
from switchboard_local.servers import RedisServer, redis_server

MEMBER = "smile.reception/worker-1"


def heart(redis: "Redis", missed: list[int] | None = None) -> Heart:
    return Heart(
        redis,
        pool="smile.reception",
        worker="worker-1",
        namespace="smile",
        pulse=Pulse(
            calls_by_agent=lambda: {"smile/reception": 3, "smile/idle": 0},
            places=lambda: 10,
            draining=lambda: True,
            recent_turns=lambda: Recent(7, 412.5),
            calls_by_model=lambda: {"brain.models.svc": 2},
        ),
        on_missed=lambda: (missed if missed is not None else []).append(1),
    )


@pytest_asyncio.fixture(loop_scope="session")
async def client(redis: RedisServer) -> AsyncIterator["Redis"]:
    made = Redis.from_url(redis.url)
    yield made
    await made.delete(names.HEARTBEAT_INDEX)
    await made.aclose()


def test_the_window_forgets_what_is_older_than_a_minute() -> None:
    now = 0.0
    window = TurnWindow(lambda: now)
    assert window.recent() == Recent(0, None)
    for ms in range(1, 101):
        window.add(ms)
    assert window.recent() == Recent(100, 95)
    now = 59.0
    window.add(1000)
    assert window.recent() == Recent(101, 96)
    now = 61.0
    assert window.recent() == Recent(1, 1000)
    now = 120.0
    assert window.recent() == Recent(0, None)


def test_a_window_stays_small_however_many_turns_there_are() -> None:
    window = TurnWindow(lambda: 0.0)
    for ms in range(5000):
        window.add(ms)
    assert window.recent().turns == 2000


def test_a_heartbeat_never_counts_for_longer_than_promised() -> None:
    assert LIFETIME_MS / 1000 < STALE_SECONDS


def test_fields_of_a_newer_worker_are_ignored() -> None:
    said = '{"pool":"p","worker":"w","namespace":"n","calls":1,"capacity":2,"at":0,"mood":"fine"}'
    assert Heartbeat.model_validate_json(said).calls == 1


@pytest.mark.integration
@pytest.mark.asyncio(loop_scope="session")
async def test_a_beat_is_one_key_that_runs_out_and_one_name_in_the_index(client: "Redis") -> None:
    await heart(client).beat()
    text = await client.get(names.heartbeat_key(MEMBER))
    said = Heartbeat.model_validate_json(text or "")
    assert said.calls == 3
    assert said.agents == {"smile/reception": 3}
    assert said.models == {"brain.models.svc": 2}
    assert (said.capacity, said.draining, said.p95_turn_ms) == (10, True, 412.5)
    assert 0 < await client.pttl(names.heartbeat_key(MEMBER)) <= LIFETIME_MS
    assert await client.sismember(names.HEARTBEAT_INDEX, MEMBER)


@pytest.mark.integration
@pytest.mark.asyncio(loop_scope="session")
async def test_a_worker_that_leaves_takes_its_entry_along(client: "Redis") -> None:
    one = heart(client)
    await one.beat()
    await one.leave()
    assert not await client.exists(names.heartbeat_key(MEMBER))
    assert not await client.sismember(names.HEARTBEAT_INDEX, MEMBER)


@pytest.mark.integration
async def test_beats_go_on_through_an_outage_and_are_counted(tmp_path: Path) -> None:
    missed: list[int] = []
    async with redis_server(tmp_path / "first") as server:
        port = server.port
        client = Redis.from_url(server.url, socket_connect_timeout=1, socket_timeout=1)
        one = heart(client, missed)
        task = asyncio.create_task(one.run())
        await seen(server.url)
    while len(missed) < 2:  # noqa: ASYNC110  the outage sets no event of ours
        await asyncio.sleep(0.01)
    async with redis_server(tmp_path / "second", port=port) as server:
        await seen(server.url)
        task.cancel()
        await asyncio.wait({task})
        await client.aclose()


async def seen(url: str) -> None:
    """Wait until the worker's heartbeat is there."""
    watcher = Redis.from_url(url)
    async with asyncio.timeout(10):
        while not await watcher.exists(names.heartbeat_key(MEMBER)):  # noqa: ASYNC110  as above
            await asyncio.sleep(0.02)
    await watcher.aclose()
