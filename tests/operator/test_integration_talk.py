"""`switchboard talk` as a process, against a real API server, operator and LiveKit."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest
from livekit.api import TokenVerifier

from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.sip.wire import agent_of
from tests.operator.system import System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


@dataclass(frozen=True, slots=True)
class Talk:
    """A running command."""

    process: asyncio.subprocess.Process
    url: str

    async def call(self) -> tuple[int, dict[str, str]]:
        parts = urlsplit(self.url)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{self.url}call") as answer,
        ):
            found: dict[str, str] = await answer.json()
            return answer.status, found


async def start(system: System, *words: str) -> asyncio.subprocess.Process:
    config = ("--kubeconfig", str(system.plane.kubeconfig_path))
    return await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", sys.executable, "-c"),
        "from switchboard_cli.main import main; main()",
        *("talk", *words, *config),
        env={k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def talking(system: System, *words: str) -> AsyncIterator[Talk]:
    process = await start(system, *words, "--livekit-url", system.livekit.http_url)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert "http://" in line, (await process.stderr.read()).decode()
        yield Talk(process, next(word for word in line.split() if word.startswith("http://")))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def refused(system: System, *words: str) -> str:
    process = await start(system, *words)
    output, errors = await process.communicate()
    assert process.returncode != 0
    assert output == b""
    return errors.decode()


async def test_the_page_gets_into_a_room_as_a_phone_would(system: System) -> None:
    where = "cli-talk"
    await system.tenant_with_namespace(where)
    made = await system.serve(where, "+15551310")
    (rule,) = [
        r for r in await system.sip.list_rules() if agent_of(r.metadata) == f"{where}/reception"
    ]
    livekit = system.livekit
    async with talking(system, "reception", "-n", where) as talk:
        status, ticket = await talk.call()
        assert (status, ticket["url"]) == (200, livekit.ws_url)
        claims = TokenVerifier(livekit.api_key, livekit.api_secret).verify(ticket["token"])
        assert claims.room_config == rule.room_config
        assert claims.video is not None
        assert claims.video.room == ticket["room"]
        prefix = rule.rule.dispatch_rule_individual.room_prefix
        assert ticket["room"].startswith(f"{prefix}_browser_")
        assert livekit.api_secret not in str(ticket)

        await system.kube.delete(VOICE_AGENT, made)

        async def is_gone() -> bool:
            return (await talk.call())[0] == 409

        await until(is_gone, "the page is told that the agent takes no calls")
        talk.process.send_signal(signal.SIGINT)
        assert await talk.process.wait() == 0


async def test_what_is_missing_is_named(system: System) -> None:
    where = "cli-talk-wrong"
    await system.tenant_with_namespace(where)
    await system.serve(where, "+15551311")
    unknown = await refused(system, "nobody", "-n", where, "--livekit-url", "ws://127.0.0.1:1")
    assert "there is no VoiceAgent nobody in namespace cli-talk-wrong" in unknown
    nowhere = await refused(system, f"{where}/reception")
    assert "LiveKit is not known: give --livekit-url (LIVEKIT_URL)" in nowhere
    silent = await refused(system, f"{where}/reception", "--livekit-url", "ws://127.0.0.1:1")
    assert "does not answer" in silent
