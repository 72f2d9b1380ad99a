"""A Redis for one test or one process run."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.parts.redis import redis_part
from switchboard_local.ports import LOOPBACK, free_port
from switchboard_local.process import running
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis that answers."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        """For clients."""
        return f"redis://{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Host and port, as LiveKit's configuration has it."""
        return f"{self.host}:{self.port}"


@contextlib.asynccontextmanager
async def redis_server(workdir: Path, *, port: int | None = None) -> AsyncIterator[RedisServer]:
    """Run a Redis without persistence; give `port` to let a test bring it back after an end."""
    settings = LocalSettings.from_environment()
    chosen = port or free_port()
    part = redis_part(
        program=locate("redis-server", settings.cache),
        directory=workdir / "redis",
        host=LOOPBACK,
        port=chosen,
    )
    async with running(part, workdir / "logs") as server:
        yield RedisServer(LOOPBACK, chosen, server.pid)
