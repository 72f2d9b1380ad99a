"""Presses telephone keys towards the caller, after the agent's sentence, and reports it.

A transport that knows keys sends them beside the sound. On any other they are sound: two tones a
key, played by the pacer like the agent's voice.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import numpy as np

from switchboard_agent.audio.sounding import sound
from switchboard_agent.audio.track import Track
from switchboard_agent.call_log import CallLog
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, CallTransport, KeyTransport, Pcm
from switchboard_media.dtmf import GAP_MS, TONE_MS
from switchboard_media.dtmf_tone import tone

LEAD_SECONDS: Final = 0.3
"""What the network still holds of the agent's voice is heard before the first key."""

PAUSE_SECONDS: Final = 0.5
_PAUSES: Final = frozenset("w,")

_PATIENCE_SECONDS: Final = 5.0
"""A key that is not sent by then will not be."""


class Keypad:
    """What one call presses keys with."""

    def __init__(
        self, transport: CallTransport, track: Track, play: Callable[[Pcm], None], log: CallLog
    ) -> None:
        self._transport = transport
        self._track = track
        self._play = play
        self._log = log

    async def press(self, keys: str) -> str:
        """Press one after the other; those that were. The rest of them is given up at a failure."""
        sent = ""
        try:
            await asyncio.sleep(LEAD_SECONDS)
            for key in keys:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._press_one(key)
                sent += key
        except Exception as error:  # noqa: BLE001 - whatever broke, the call goes on
            self._log.warning("a key could not be sent", error)
        finally:
            self._log.keys_sent(sent, complete=sent == keys)
        return sent

    async def _press_one(self, key: str) -> None:
        if key in _PAUSES:
            await asyncio.sleep(PAUSE_SECONDS)
        elif isinstance(self._transport, KeyTransport):
            await self._transport.send_key(key)
        else:
            gap = np.zeros(SAMPLE_RATE_HZ * GAP_MS // 1000, dtype=np.int16)
            pressed = tone(key, ms=TONE_MS, rate_hz=SAMPLE_RATE_HZ)
            await sound(self._track, self._play, pressed, gap)
