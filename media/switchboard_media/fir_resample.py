"""Change of sample rate for live calls: one frame in, one frame out, 1 to 2 ms late.

soxr's clean settings answer in bursts of up to 120 ms and its fast one does not filter (see
`resample`), so live sound between 8, 16 and 48 kHz goes through this: a windowed-sinc low pass,
split into phases and applied as one matrix product for each frame. Only ratios 1:n and n:1 are
offered; telephony needs no others.

The filter is 24 samples of the slower rate long: flat to 0.85 of the slower Nyquist frequency
(3.4 kHz of 4, all that a telephone carries), 59 dB down from 1.17 of it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from switchboard_media.pcm import Pcm

MAX_RATIO: Final = 6
HALF_LENGTH: Final = 12
"""Samples of the slower rate before and after the middle of the filter."""
_KAISER_BETA: Final = 5.65
"""60 dB of stop band."""
_PEAK: Final = 32_767.0
_TROUGH: Final = -32_768.0


def _low_pass(ratio: int) -> NDArray[np.float32]:
    """Taps at the faster rate, cutting at the slower rate's Nyquist frequency, sum 1."""
    half = HALF_LENGTH * ratio
    at = np.arange(-half, half) + 0.5
    taps = np.sinc(at / ratio) * np.kaiser(2 * half, _KAISER_BETA)
    scaled: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return scaled


class FrameResampler:
    """One stream from one rate to another, n times as fast or slow."""

    def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
        slow, fast = sorted((in_rate_hz, out_rate_hz))
        ratio, rest = divmod(fast, slow)
        if rest or ratio > MAX_RATIO:
            raise ValueError("rates must be 1:n or n:1 with n up to 6; use resample.Resampler")
        self._ratio = ratio
        self._faster = out_rate_hz > in_rate_hz
        taps = _low_pass(ratio)
        if self._faster:
            # Column p makes the p-th of `ratio` new samples from the last `width` old ones.
            self._width = 2 * HALF_LENGTH
            self._matrix = np.ascontiguousarray(ratio * taps.reshape(self._width, ratio)[::-1])
        else:
            self._width = len(taps)
            self._matrix = np.ascontiguousarray(taps[::-1, np.newaxis])
        self._past = np.zeros(self._width - 1, np.float32)
        self._step = 1 if self._faster else ratio
        self.delay_ms = 1000 * HALF_LENGTH / slow
        """How much later sound comes out than it went in, to within one sample."""

    def process(self, pcm: Pcm) -> Pcm:
        """As many samples as the ratio makes of these; a whole frame of n when slowing down."""
        if self._ratio == 1:
            return pcm
        if len(pcm) % self._step:
            raise ValueError(f"pass a multiple of {self._step} samples")
        sound = np.concatenate((self._past, pcm), dtype=np.float32)
        self._past = sound[len(sound) - self._width + 1 :]
        windows = np.lib.stride_tricks.as_strided(
            sound[self._step - 1 :],
            shape=(len(pcm) // self._step, self._width),
            strides=(sound.itemsize * self._step, sound.itemsize),
            writeable=False,
        )
        mixed = np.rint(windows @ self._matrix).ravel()
        limited: Pcm = np.clip(mixed, _TROUGH, _PEAK, out=mixed).astype(np.int16)
        return limited

    def flush(self) -> Pcm:
        """The end of the stream that the filter still held; afterwards a new one may begin."""
        if self._ratio == 1:
            return np.zeros(0, np.int16)
        tail = self.process(np.zeros(2 * HALF_LENGTH * self._step, np.int16))
        self._past = np.zeros(self._width - 1, np.float32)
        return tail
