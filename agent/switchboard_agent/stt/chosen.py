"""Each call's recogniser: the one that its agent names.

A worker serves agents of several providers, so each provider is made when the first revision that
names it is prepared, and shared by all calls from then on.
"""

from collections.abc import Callable

from typing_extensions import override

from switchboard_agent.stt.base import (
    LocalRecogniser,
    SpeechStream,
    SpeechToText,
    SpeechToTextError,
    Transcript,
)
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.voice_agent import SttProvider


class ChosenStt(SpeechToText):
    """See the module."""

    def __init__(self, make: Callable[[SttProvider], SpeechToText]) -> None:
        self._make = make
        self._made: dict[SttProvider, SpeechToText] = {}

    @override
    async def prepare(self, config: AgentConfig) -> None:
        provider = config.stt.provider
        if provider not in self._made:
            self._made[provider] = self._make(provider)
        await self._made[provider].prepare(config)

    @override
    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        chosen = self._made.get(config.stt.provider)
        if chosen is None:
            raise SpeechToTextError(f"{config.key} was not prepared: await prepare() first")
        return chosen.open(config, on_partial)

    @property
    def late_seconds(self) -> float:
        """Of the latest provider that listens here."""
        here = (made for made in self._made.values() if isinstance(made, LocalRecogniser))
        return max((provider.late_seconds for provider in here), default=0.0)

    @override
    async def aclose(self) -> None:
        made, self._made = self._made, {}
        for provider in made.values():
            await provider.aclose()
