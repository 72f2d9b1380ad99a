"""From sound to the picture of it that speech models look at: Whisper's log-mel spectrogram.

80 bands, a column every 10 ms, values around -1 to 1. Written out in numpy because the packages
that bring it bring a deep-learning framework along. Equal to `WhisperFeatureExtractor` of
transformers to 1e-4 (a test holds some of its values).
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from switchboard_agent.transport.base import SAMPLE_RATE_HZ

Floats = NDArray[np.float32]

BANDS: Final = 80
HOP_SAMPLES: Final = 160
_WINDOW_SAMPLES: Final = 400
_QUIETEST: Final = 1e-10
_RANGE: Final = 8.0
"""What lies further below the loudest point (in powers of ten) is cut off."""
_LINEAR_HZ_PER_MEL: Final = 200 / 3
"""Slaney's scale: linear below 1 kHz, logarithmic above."""
_LOG_FROM_HZ: Final = 1000.0
_LOG_FROM_MEL: Final = _LOG_FROM_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP: Final = np.log(6.4) / 27.0


def log_mel(sound: Floats) -> Floats:
    """BANDS x columns for samples at 16 kHz; one column per `HOP_SAMPLES`."""
    padded = np.pad(sound, _WINDOW_SAMPLES // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.fft.rfft(windows[:-1] * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    bands = np.log10(np.maximum(_mel_filters() @ power.T, _QUIETEST))
    bands = np.maximum(bands, bands.max() - _RANGE)
    picture: Floats = ((bands + 4.0) / 4.0).astype(np.float32)
    return picture


@cache
def _hann() -> Floats:
    """Periodic window."""
    at = np.arange(_WINDOW_SAMPLES)
    return (0.5 - 0.5 * np.cos(2 * np.pi * at / _WINDOW_SAMPLES)).astype(np.float32)


@cache
def _mel_filters() -> Floats:
    """Triangles on Slaney's scale, each of the same area."""
    bins = np.fft.rfftfreq(_WINDOW_SAMPLES, 1 / SAMPLE_RATE_HZ)
    top = _to_mel(SAMPLE_RATE_HZ / 2)
    corners = _to_hz(np.linspace(0.0, top, BANDS + 2))
    low, peak, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (bins - low) / (peak - low), (high - bins) / (high - peak)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: Floats = (triangles * (2.0 / (high - low))).astype(np.float32)
    return filters


def _to_mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return float(_LOG_FROM_MEL + np.log(hz / _LOG_FROM_HZ) / _LOG_STEP)


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hz: NDArray[np.float64] = np.where(
        mel < _LOG_FROM_MEL,
        mel * _LINEAR_HZ_PER_MEL,
        _LOG_FROM_HZ * np.exp(_LOG_STEP * (mel - _LOG_FROM_MEL)),
    )
    return hz
