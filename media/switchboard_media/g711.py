"""ITU-T G.711: the two telephone codecs, as table lookups.

Decoding has 256 answers and encoding 65,536, so both directions are one `take` from a table
built at import by the formulas of the ITU-T G.191 reference (`ulaw_compress`, `alaw_compress`
and their inverses). One byte is one sample at 8 kHz. Every byte sequence is valid.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from switchboard_media.pcm import Pcm

_ULAW_BIAS: Final = 33
_ULAW_CLIP: Final = 0x1FFF
"""Largest biased magnitude of the 14-bit scale."""

ULAW_SILENCE: Final = 0xFF
ALAW_SILENCE: Final = 0xD5


def _all_samples() -> NDArray[np.int32]:
    """Every 16-bit sample, at the place where its unsigned reading points."""
    return np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.frexp(values.astype(np.float64))[1].astype(np.int32)


def _ulaw_encode_table() -> NDArray[np.uint8]:
    samples = _all_samples()
    # Negative samples by ones' complement, as the reference does: -1 falls together with 0.
    magnitude = np.where(samples < 0, ~samples, samples) >> 2
    biased = np.minimum(magnitude + _ULAW_BIAS, _ULAW_CLIP)
    segment = _bit_length(biased >> 6) + 1
    high = 8 - segment
    low = 0xF - ((biased >> segment) & 0xF)
    code = (high << 4) | low
    table: NDArray[np.uint8] = np.where(samples >= 0, code | 0x80, code).astype(np.uint8)
    return table


def _ulaw_decode_table() -> NDArray[np.int16]:
    codes = np.arange(256, dtype=np.int32)
    inverted = ~codes & 0xFF
    exponent = (inverted >> 4) & 0x7
    step = 8 << exponent
    magnitude = (0x80 << exponent) + step * (inverted & 0xF) + step // 2 - 4 * _ULAW_BIAS
    table: Pcm = np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)
    return table


def _alaw_encode_table() -> NDArray[np.uint8]:
    samples = _all_samples()
    magnitude = np.where(samples < 0, ~samples, samples) >> 4
    exponent = np.maximum(_bit_length(magnitude) - 4, 0)
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 0xF
    code = (exponent << 4) | mantissa
    table: NDArray[np.uint8] = (np.where(samples >= 0, code | 0x80, code) ^ 0x55).astype(np.uint8)
    return table


def _alaw_decode_table() -> NDArray[np.int16]:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (codes & 0x7F) >> 4
    mantissa = (codes & 0xF) + np.where(exponent > 0, 16, 0)
    magnitude = ((mantissa << 4) + 8) << np.maximum(exponent - 1, 0)
    table: Pcm = np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)
    return table


_ULAW_ENCODE: Final = _ulaw_encode_table()
_ULAW_DECODE: Final = _ulaw_decode_table()
_ALAW_ENCODE: Final = _alaw_encode_table()
_ALAW_DECODE: Final = _alaw_decode_table()


def ulaw_encode(pcm: Pcm) -> bytes:
    """PCMU bytes of 8 kHz samples."""
    return _ULAW_ENCODE.take(pcm.view(np.uint16)).tobytes()


def ulaw_decode(payload: bytes) -> Pcm:
    """8 kHz samples of PCMU bytes."""
    return _ULAW_DECODE.take(np.frombuffer(payload, np.uint8))


def alaw_encode(pcm: Pcm) -> bytes:
    """PCMA bytes of 8 kHz samples."""
    return _ALAW_ENCODE.take(pcm.view(np.uint16)).tobytes()


def alaw_decode(payload: bytes) -> Pcm:
    """8 kHz samples of PCMA bytes."""
    return _ALAW_DECODE.take(np.frombuffer(payload, np.uint8))


class UlawEncoder:
    """PCMU behind the codec seam; keeps no state."""

    def encode(self, pcm: Pcm) -> bytes:
        """One byte per sample."""
        return ulaw_encode(pcm)


class UlawDecoder:
    """PCMU behind the codec seam; keeps no state."""

    def decode(self, payload: bytes) -> Pcm:
        """One sample per byte."""
        return ulaw_decode(payload)


class AlawEncoder:
    """PCMA behind the codec seam; keeps no state."""

    def encode(self, pcm: Pcm) -> bytes:
        """One byte per sample."""
        return alaw_encode(pcm)


class AlawDecoder:
    """PCMA behind the codec seam; keeps no state."""

    def decode(self, payload: bytes) -> Pcm:
        """One sample per byte."""
        return alaw_decode(payload)
