"""A worker as a process of its own, started as the pod starts it."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from switchboard_contract.agent_config import AgentConfig
from switchboard_local.ports import free_port
from switchboard_local.servers import LiveKitServer, RedisServer


@dataclass(frozen=True, slots=True)
class Process:
    """A worker started as the pod starts it."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def metrics(self) -> dict[str, float]:
        """Its metrics, by name with labels."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as r:
            lines = (await r.text()).splitlines()
        samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}

    async def ready(self) -> bool:
        """Whether a caller would be answered."""
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/readyz") as r:
                return r.status == 200
        return False


@contextlib.asynccontextmanager
async def worker_process(
    tmp_path: Path,
    server: LiveKitServer,
    redis: RedisServer,
    config: AgentConfig,
    *,
    pool: str,
    drain_seconds: int = 60,
    name: str = "worker",
    max_calls: int = 10,
    max_loop_lag_ms: int = 100,
    inside: tuple[str, ...] = (),
    host: str = "127.0.0.1",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Process]:
    """A worker that serves one revision, with the real providers; killed at the end.

    `inside` are words before its command that start it in another network, where it is reached at
    `host`.
    """
    revisions = tmp_path / name
    revisions.mkdir()
    (revisions / "reception.json").write_text(config.to_json())
    port = free_port()
    log = tmp_path / f"{name}.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            # It dies with the test run, even one that is killed.
            *("setpriv", "--pdeathsig", "KILL", *inside),
            *(sys.executable, "-m", "switchboard_agent"),
            env=os.environ
            | {
                "SWITCHBOARD_POOL": pool,
                "SWITCHBOARD_NAMESPACE": config.namespace,
                "SWITCHBOARD_LIVEKIT_URL": server.ws_url,
                "SWITCHBOARD_LIVEKIT_API_KEY": server.api_key,
                "SWITCHBOARD_LIVEKIT_API_SECRET": server.api_secret,
                "SWITCHBOARD_REDIS_URL": redis.url,
                "SWITCHBOARD_HTTP_PORT": str(port),
                "SWITCHBOARD_REVISIONS": f"dir:{revisions}",
                "SWITCHBOARD_WORKER_NAME": name,
                "SWITCHBOARD_MAX_CALLS": str(max_calls),
                "SWITCHBOARD_MAX_LOOP_LAG_MS": str(max_loop_lag_ms),
                "SWITCHBOARD_DRAIN_SECONDS": str(drain_seconds),
            }
            | dict(environment or {}),
            stderr=stderr,
        )
    worker = Process(process, f"http://{host}:{port}", log)
    try:
        async with asyncio.timeout(90):
            while not await worker.ready():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
        yield worker
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
