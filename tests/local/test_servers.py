"""The servers that other tests stand on."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from livekit import api
from redis.asyncio import Redis

from switchboard_local.errors import PartFailedError
from switchboard_local.part import Part
from switchboard_local.probes import TcpReady
from switchboard_local.process import running
from switchboard_local.servers import (
    ControlPlane,
    LiveKitServer,
    RedisServer,
    redis_server,
)

pytestmark = pytest.mark.integration


async def test_redis_keeps_a_stream(redis: RedisServer) -> None:
    async with Redis.from_url(redis.url) as client:
        await client.xadd("test:stream", {"event": "x"})
        assert await client.xlen("test:stream") == 1


async def test_livekit_has_a_working_sip_api(livekit: LiveKitServer) -> None:
    async with api.LiveKitAPI(livekit.http_url, livekit.api_key, livekit.api_secret) as client:
        trunks = await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    assert list(trunks.items) == []


async def test_the_control_plane_admits_its_token_and_nobody_else(cluster: ControlPlane) -> None:
    trust = ssl.create_default_context(cafile=cluster.ca_file)
    async with aiohttp.ClientSession() as session:
        url = f"{cluster.url}/api/v1/namespaces"
        headers = {"Authorization": f"Bearer {cluster.token}"}
        async with session.get(url, headers=headers, ssl=trust) as answer:
            assert answer.status == 200
        async with session.get(url, ssl=trust) as answer:
            assert answer.status == 403


async def test_a_server_is_gone_after_its_block(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_held_by_another_process_is_an_error(tmp_path: Path) -> None:
    async with redis_server(tmp_path / "a") as first:
        with pytest.raises(PartFailedError, match="already in use"):
            async with redis_server(tmp_path / "b", port=first.port):
                pass


async def test_a_server_that_dies_at_its_start_names_its_log(tmp_path: Path) -> None:
    part = Part("broken", ("sh", "-c", "echo no such luck; exit 3"), probe=TcpReady("127.0.0.1", 1))
    with pytest.raises(PartFailedError, match="exit status 3: no such luck") as caught:
        async with running(part, tmp_path):
            pass
    assert caught.value.log == tmp_path / "broken.log"
