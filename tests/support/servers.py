"""Real servers as fixtures, each started once per test run and shared by all tests.

A test keeps out of another's way by its own namespace, numbers, rooms or stream. One that stops
or breaks a server opens its own with the context managers of `switchboard_local.servers`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from switchboard_local.servers import (
    ControlPlane,
    LiveKitServer,
    RedisServer,
    control_plane,
    livekit_server,
    redis_server,
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    """A Redis, empty at the start of the run."""
    async with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def livekit(
    tmp_path_factory: pytest.TempPathFactory, redis: RedisServer
) -> AsyncIterator[LiveKitServer]:
    """A LiveKit whose trunks, rules and rooms lie in `redis`."""
    async with livekit_server(tmp_path_factory.mktemp("livekit"), redis) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    """A control plane without nodes; deleting an owner deletes its children."""
    workdir = tmp_path_factory.mktemp("cluster")
    async with control_plane(workdir, controller_manager=True) as plane:
        yield plane
