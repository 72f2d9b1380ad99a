"""ITU-T G.722 at 64 kbit/s: wideband telephone speech, 16 kHz.

The arithmetic is the C code of the `G722` package. Each direction of a call keeps its own
adaptive predictor, so an encoder or decoder belongs to one stream and is never shared. Two
samples make one byte: 20 ms are 320 samples and 160 bytes. Every byte sequence is valid.
"""

from typing import Final

import numpy as np
from G722 import G722

from switchboard_media.pcm import Pcm

SAMPLE_RATE_HZ: Final = 16_000
BIT_RATE: Final = 64_000
SAMPLES_PER_BYTE: Final = 2


class G722Encoder:
    """One outgoing stream."""

    def __init__(self) -> None:
        self._codec = G722(SAMPLE_RATE_HZ, BIT_RATE)

    def encode(self, pcm: Pcm) -> bytes:
        """One byte per two samples; an odd count cannot be coded and is a caller's fault."""
        if len(pcm) % SAMPLES_PER_BYTE:
            raise ValueError("G.722 codes pairs of samples: pass an even number")
        encoded: bytes = self._codec.encode(np.ascontiguousarray(pcm))
        return encoded


class G722Decoder:
    """One incoming stream."""

    def __init__(self) -> None:
        self._codec = G722(SAMPLE_RATE_HZ, BIT_RATE)

    def decode(self, payload: bytes) -> Pcm:
        """Two samples per byte."""
        return np.frombuffer(self._codec.decode(payload), np.int16)
