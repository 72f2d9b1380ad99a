"""The language models of a worker: one HTTP session, one health per provider, for all calls.

A provider is the same for two agents if address, model and key are the same; then what a call of
one learns about an outage serves the calls of the other.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp

from switchboard_agent.llm.base import Message, Role
from switchboard_agent.llm.breaker import Breaker
from switchboard_agent.llm.chain import Link, LlmChain, NoAnswerError
from switchboard_agent.llm.key_file import KeyFile
from switchboard_agent.llm.meter import Meter
from switchboard_agent.llm.openai_compatible import OpenAiCompatible
from switchboard_agent.probe.checks import Tried
from switchboard_agent.telemetry import Telemetry
from switchboard_contract.agent_config import AgentConfig, CompiledLlm

_KEEPALIVE_SECONDS: Final = 60.0
"""A connection that is kept saves the next turn two round trips, with TLS three."""

_CHECK_SECONDS: Final = 5.0
"""No caller waits for a check."""

_SERVICE: Final = ".svc"
"""End of a host name inside the cluster, as the operator writes it."""

_Identity = tuple[str, str, str | None]


def _identity(spec: CompiledLlm) -> _Identity:
    return spec.base_url, spec.model, spec.api_key_file


class LanguageModels:
    """Made once per worker process, used as a context manager."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._stack = AsyncExitStack()
        self._http: aiohttp.ClientSession | None = None
        self._breakers: dict[_Identity, Breaker] = {}
        self._keys: dict[str, KeyFile] = {}

    async def __aenter__(self) -> Self:
        """Open the session; nothing is connected yet."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None)
        self._http = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self._stack.__aexit__(exc_type, exc, traceback)

    def chain(self, config: AgentConfig) -> LlmChain:
        """The models of an agent revision; cheap, made for each call."""
        return LlmChain([self._link(config, spec) for spec in config.llm])

    def server_of(self, config: AgentConfig) -> str:
        """Host of the model server that the next question of a call goes to.

        Empty where it goes nowhere, or out of the cluster: only its own servers can be scaled.
        """
        for spec in config.llm:
            breaker = self._breakers.get(_identity(spec))
            if breaker is None or not breaker.open:
                host = urlsplit(spec.base_url).hostname or ""
                return host if host.endswith(_SERVICE) else ""
        return ""

    async def check(self, config: AgentConfig) -> Tried:
        """Have every model of the chain begin an answer. Raises `NoAnswerError` if none does.

        One dead model behind a living one is found too: no caller notices it, until both are.
        """
        due = asyncio.get_running_loop().time() + _CHECK_SECONDS
        trials = await self.chain(config).try_each([Message(Role.USER, "Say OK.")], due)
        down = tuple(f"{trial.name} ({trial.fault})" for trial in trials if trial.fault)
        if trials and len(down) == len(trials):
            raise NoAnswerError
        return Tried(questions=sum(trial.asked for trial in trials), down=down)

    def fallback_counter(self, config: AgentConfig) -> Callable[[], None]:
        """What counts the callers' fallback phrases of an agent."""
        return self._telemetry.llm_fallbacks.labels(config.tenant, config.key).inc

    def _link(self, config: AgentConfig, spec: CompiledLlm) -> Link:
        if self._http is None:
            raise RuntimeError("the language models are not open: enter them with `async with`")
        return Link(
            name=spec.name,
            model=OpenAiCompatible(spec, self._key(spec.api_key_file), self._http),
            breaker=self._breakers.setdefault(_identity(spec), Breaker()),
            patience_seconds=spec.first_token_timeout_ms / 1000,
            meter=Meter(self._telemetry, config.tenant, config.key, spec.name),
        )

    def _key(self, path: str | None) -> KeyFile | None:
        return None if path is None else self._keys.setdefault(path, KeyFile(Path(path)))
