"""Between the phone's sound and the engine's: 8 kHz mu-law and 16 kHz frames of 20 ms.

Each direction keeps the state of its filter, so the seams between frames cannot be heard.
"""

from switchboard_agent.transport.base import FRAME_MS, SAMPLE_RATE_HZ, Pcm
from switchboard_media.fir_resample import FrameResampler
from switchboard_media.g711 import ulaw_decode, ulaw_encode

PHONE_RATE_HZ = 8000
FRAME_BYTES = PHONE_RATE_HZ * FRAME_MS // 1000


class FromPhone:
    """The caller's sound, whatever the size of the pieces it comes in."""

    __slots__ = ("_resampler", "_rest")

    def __init__(self) -> None:
        self._resampler = FrameResampler(PHONE_RATE_HZ, SAMPLE_RATE_HZ)
        self._rest = b""

    def take(self, payload: bytes) -> list[Pcm]:
        """Whole frames; what is left over waits for the next piece."""
        data = self._rest + payload if self._rest else payload
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return [
            self._resampler.process(ulaw_decode(data[start : start + FRAME_BYTES]))
            for start in range(0, whole, FRAME_BYTES)
        ]


class ToPhone:
    """The agent's sound."""

    __slots__ = ("_resampler",)

    def __init__(self) -> None:
        self._resampler = FrameResampler(SAMPLE_RATE_HZ, PHONE_RATE_HZ)

    def take(self, frame: Pcm) -> bytes:
        """Mu-law bytes of a frame."""
        return ulaw_encode(self._resampler.process(frame))
