"""A LiveKit for one test or one process run, with its SIP API working."""

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from switchboard_local.parts.livekit import LOCAL_KEY, LiveKitAddress, livekit_part
from switchboard_local.ports import LOOPBACK, free_port, free_ports
from switchboard_local.process import running
from switchboard_local.servers.redis import RedisServer
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate


@dataclass(frozen=True, slots=True)
class LiveKitServer:
    """A LiveKit that answers."""

    http_url: str
    """For the API."""
    ws_url: str
    """For workers and clients."""
    api_key: str
    api_secret: str = field(repr=False)
    pid: int
    port: int
    """Of both addresses; hand it to a second `livekit_server` to bring the same one back."""


@contextlib.asynccontextmanager
async def livekit_server(
    workdir: Path, redis: RedisServer, *, port: int | None = None
) -> AsyncIterator[LiveKitServer]:
    """Run a livekit-server; trunks and rules live in `redis` and survive its restart."""
    settings = LocalSettings.from_environment()
    signalling, media_tcp = free_ports(2)
    address = LiveKitAddress(
        host=LOOPBACK,
        port=port or signalling,
        udp_port=free_port(socket.SOCK_DGRAM),
        tcp_port=media_tcp,
        interface="lo",
    )
    part = livekit_part(
        program=locate("livekit-server", settings.cache),
        directory=workdir / "livekit",
        address=address,
        redis=redis.address,
        keys=LOCAL_KEY,
    )
    async with running(part, workdir / "logs") as server:
        yield LiveKitServer(
            http_url=address.http_url,
            ws_url=address.ws_url,
            api_key=LOCAL_KEY.key,
            api_secret=LOCAL_KEY.secret,
            pid=server.pid,
            port=address.port,
        )
