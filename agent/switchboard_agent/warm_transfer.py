"""Calls a human for the caller, tells them what it is about, and connects the two.

The caller hears it ring until then. What is said to the human is made before they are called: who
answers a telephone does not wait for a synthesiser. A briefing that cannot be spoken is left out;
the human is on the line, and so is the caller.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.audio.ringback import ringback
from switchboard_agent.audio.sounding import sound
from switchboard_agent.audio.track import PlainTrack, Track
from switchboard_agent.call_log import CallLog
from switchboard_agent.caller_country import may_call
from switchboard_agent.speech_failure import failure_of
from switchboard_agent.transport.base import (
    SAMPLE_RATE_HZ,
    ConsultingTransport,
    NotReachedError,
    Pcm,
    Transferred,
)
from switchboard_agent.tts.base import TextToSpeech
from switchboard_agent.tts.checked import whole
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import ProviderPart, TransferResult
from switchboard_contract.crd.transfer import Transfer

_SPEAK_SECONDS: Final = 10.0
"""For all of the briefing to be made: the caller hears it ring meanwhile."""

_SILENCE: Final = np.zeros(0, np.int16)
_BREATH: Final = np.zeros(SAMPLE_RATE_HZ // 2, np.int16)
"""Before the first word, as one lifts the receiver to the ear, and behind the last: it ends the
sound for a jitter buffer."""


@dataclass(frozen=True, slots=True)
class CallerEar:
    """The way to what the caller hears."""

    track: Track
    play: Callable[[Pcm], None]


class WarmTransfer:
    """Of one call."""

    def __init__(
        self, config: AgentConfig, tts: TextToSpeech, pacer: Pacer, ear: CallerEar, log: CallLog
    ) -> None:
        self._config = config
        self._tts = tts
        self._pacer = pacer
        self._ear = ear
        self._log = log

    async def put_through(
        self, transport: ConsultingTransport, target: Transfer, text: str
    ) -> Transferred:
        """Whether the two were connected. `text` is the briefing, empty where nothing is known.

        Raises what the transport raises.
        """
        if not await self._may_call(target.to):
            return Transferred(TransferResult.FAILED)
        ringing = ringback(self._ear.play)
        self._ear.track.start(ringing)
        try:
            words = await self._spoken(text)
            async with transport.consult(target.to, target.carrier or "") as human:
                voice = PlainTrack(human.play, self._pacer)
                await sound(voice, human.play, _BREATH, words, _BREATH)
                await human.connect()
        except NotReachedError as error:
            return error.transferred
        finally:
            self._ear.track.stop(ringing)
        return Transferred(TransferResult.SUCCEEDED)

    async def _may_call(self, to: str) -> bool:
        """The tenant's countries hold for whom its agents call; an address of its own has none."""
        scheme, _, number = to.partition(":")
        return scheme != "tel" or await may_call(self._config.tenant_countries, number)

    async def _spoken(self, text: str) -> Pcm:
        if not text:
            return _SILENCE
        try:
            async with asyncio.timeout(_SPEAK_SECONDS):
                return await whole(self._tts.synthesize(text, self._config.tts))
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way
            self._log.speech_failed(ProviderPart.TTS, failure_of(error, begun=False), error)
            return _SILENCE
