"""What stands behind the engine's provider seams in benchmarks: timing instead of work.

The dialog is the real one that language models lead, with its chain, breaker, meter and history.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from switchboard_agent.dialog.base import Dialog
from switchboard_agent.dialog.prompted import PromptedDialog
from switchboard_agent.llm.base import Message, Usage
from switchboard_agent.llm.breaker import Breaker
from switchboard_agent.llm.chain import Link, LlmChain
from switchboard_agent.llm.meter import Meter
from switchboard_agent.telemetry import Telemetry
from switchboard_contract.agent_config import AgentConfig, CompiledLlm
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import (
    Limits,
    Persona,
    PromptDialog,
    SttSpec,
    TtsSpec,
)
from tests.bench.engine.script import (
    GREETING,
    LLM_FIRST_MS,
    LLM_TOKEN_MS,
    TTS_FIRST_MS,
    Pcm,
    tokens,
)

CONFIG = AgentConfig(
    namespace="bench",
    name="desk",
    tenant="bench",
    language="en-US",
    persona=Persona(name="Ann"),
    prompt=PromptDialog(greeting=GREETING, instructions="You are a receptionist."),
    llm=(
        CompiledLlm(
            name="fake",
            base_url="http://127.0.0.1",
            model="fake",
            temperature=0.0,
            max_tokens=100,
            first_token_timeout_ms=1000,
        ),
    ),
    stt=SttSpec(),
    tts=TtsSpec(),
    turn=TurnSpec(),
    limits=Limits(),
)


@dataclass(frozen=True, slots=True)
class Voice:
    """A synthesiser that speaks after 80 ms."""

    speak: Callable[[str], Pcm]

    async def prepare(self, spec: TtsSpec) -> None:
        """Nothing to warm."""

    async def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:  # noqa: ARG002 the seam
        await asyncio.sleep(TTS_FIRST_MS / 1000)
        yield self.speak(text)

    async def aclose(self) -> None:
        """Nothing to free."""


class _Tokens:
    """One answer, token by token."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._rest = iter(tokens())
        self._due = asyncio.get_running_loop().time() + LLM_FIRST_MS / 1000

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        token = next(self._rest, None)
        if token is None:
            self.usage = Usage(prompt=100, completion=40)
            raise StopAsyncIteration
        await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))
        self._due += LLM_TOKEN_MS / 1000
        return token

    async def aclose(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True, slots=True)
class _Model:
    on_asked: Callable[[], None]

    async def ask(self, messages: Sequence[Message]) -> _Tokens:  # noqa: ARG002 the seam
        self.on_asked()
        return _Tokens()


def dialogs(
    telemetry: Telemetry, counter: Callable[[], Callable[[], None]]
) -> Callable[[AgentConfig], Dialog]:
    """Makers of dialogs; `counter` gives what to call for each question to the model."""
    breaker = Breaker()

    def make(config: AgentConfig) -> Dialog:
        assert config.prompt is not None
        meter = Meter(telemetry, config.tenant, config.key, "fake")
        chain = LlmChain([Link("fake", _Model(counter()), breaker, 1.0, meter)])
        return PromptedDialog(config.prompt, config.persona, chain, lambda: None)

    return make
