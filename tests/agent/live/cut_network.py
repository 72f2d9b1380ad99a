"""A worker behind a network that can be cut: a namespace with two ways out.

One way leads to LiveKit over a bridge, the other to Redis. Taking the first off the bridge makes
packets vanish without an error and without a lost carrier, as a broken switch or a firewall does.
Needs root.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.parts.livekit import LOCAL_KEY, LiveKitAddress, livekit_part
from switchboard_local.parts.redis import redis_part
from switchboard_local.ports import free_port, free_ports
from switchboard_local.process import running
from switchboard_local.servers import LiveKitServer, RedisServer
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate

LIVEKIT_HOST, REDIS_HOST, WORKER_HOST = "10.231.7.1", "10.231.8.1", "10.231.8.2"


_NAMESPACES = Path("/run/netns")


@dataclass(frozen=True, slots=True)
class CutNetwork:
    """The namespace, with servers that it reaches."""

    name: str
    livekit: LiveKitServer
    redis: RedisServer

    @property
    def inside(self) -> tuple[str, ...]:
        """Words before a command that runs in the namespace."""
        return ("ip", "netns", "exec", self.name)

    async def cut(self) -> None:
        """From now on nothing passes between worker and LiveKit."""
        await _ip(f"link set {self.name}v nomaster")

    async def heal(self) -> None:
        """Everything passes again."""
        await _ip(f"link set {self.name}v master {self.name}b")


@contextlib.asynccontextmanager
async def cut_network(workdir: Path) -> AsyncIterator[CutNetwork]:
    """Make the namespace and the servers; all is gone with the block."""
    name = f"sw{os.getpid() % 100_000}"
    await _remove_leftovers()
    try:
        for command in _set_up(name):
            await _ip(command)
        async with _servers(workdir, name) as (livekit, redis):
            yield CutNetwork(name, livekit, redis)
    finally:
        await _remove(name)


async def _remove(name: str) -> None:
    for command in (f"netns del {name}", f"link del {name}b"):
        with contextlib.suppress(RuntimeError):
            await _ip(command)


async def _remove_leftovers() -> None:
    """Networks of test runs that were killed hold the same addresses."""
    for name in _abandoned():
        await _remove(name)


def _abandoned() -> list[str]:
    names = [path.name for path in _NAMESPACES.glob("sw*")]
    owners = {name: name.removeprefix("sw") for name in names}
    return [n for n, pid in owners.items() if pid.isdecimal() and not Path("/proc", pid).exists()]


def _set_up(name: str) -> list[str]:
    inside = f"-n {name}"
    return [
        f"netns add {name}",
        f"link add {name}b type bridge",
        f"addr add {LIVEKIT_HOST}/30 dev {name}b",
        f"link set {name}b up",
        f"link add {name}v type veth peer name livekit netns {name}",
        f"link set {name}v master {name}b up",
        f"{inside} addr add 10.231.7.2/30 dev livekit",
        f"link add {name}r type veth peer name redis netns {name}",
        f"addr add {REDIS_HOST}/30 dev {name}r",
        f"link set {name}r up",
        f"{inside} addr add {WORKER_HOST}/30 dev redis",
        *(f"{inside} link set {device} up" for device in ("lo", "livekit", "redis")),
    ]


@contextlib.asynccontextmanager
async def _servers(workdir: Path, name: str) -> AsyncIterator[tuple[LiveKitServer, RedisServer]]:
    cache = LocalSettings.from_environment().cache
    redis = RedisServer(REDIS_HOST, free_port(), 0)
    redis_server = redis_part(
        program=locate("redis-server", cache),
        directory=workdir / "redis",
        host=REDIS_HOST,
        port=redis.port,
    )
    signalling, udp, tcp = free_ports(3)
    address = LiveKitAddress(LIVEKIT_HOST, signalling, udp, tcp, f"{name}b")
    livekit_server = livekit_part(
        program=locate("livekit-server", cache),
        directory=workdir / "livekit",
        address=address,
        redis=redis.address,
        keys=LOCAL_KEY,
    )
    async with (
        running(redis_server, workdir / "logs"),
        running(livekit_server, workdir / "logs") as process,
    ):
        livekit = LiveKitServer(
            http_url=address.http_url,
            ws_url=address.ws_url,
            api_key=LOCAL_KEY.key,
            api_secret=LOCAL_KEY.secret,
            pid=process.pid,
            port=address.port,
        )
        yield livekit, redis


async def _ip(command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "ip", *command.split(), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"ip {command}: {errors.decode().strip()}")
