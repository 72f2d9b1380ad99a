"""Change of sample rate for live calls: one frame in, one frame out, 1 to 2 ms late.

soxr's clean settings answer in bursts of up to 120 ms and its fast one does not filter (see
`resample`), so live sound between 8, 16 and 48 kHz goes through this: a windowed-sinc low pass,
split into phases and applied as one matrix product for each frame. Each row of the product makes a
block of several steps, because overlapping windows are copied before they are multiplied: a window
for each step would be copied 24 times over. Only ratios 1:n and n:1 are offered; telephony needs no
others.

The filter is 24 samples of the slower rate long: flat to 0.85 of the slower Nyquist frequency
(3.4 kHz of 4, all that a telephone carries), 59 dB down from 1.17 of it.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from switchboard_media.pcm import Pcm

MAX_RATIO: Final = 6
HALF_LENGTH: Final = 12
"""Samples of the slower rate before and after the middle of the filter."""
_BLOCK: Final = 8
"""Samples of the slower rate that one row makes or takes; a frame of 20 ms is a multiple."""
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


@cache
def _filter(ratio: int, *, faster: bool) -> tuple[NDArray[np.float32], int]:
    """What a block of steps sees, by what it makes; and how many old samples a step looks back on.

    All streams share it: with a matrix of its own for each, they would push one another's out of
    the processor's cache.
    """
    taps = _low_pass(ratio)
    if faster:
        # Column p makes the p-th of `ratio` new samples from the last `width` old ones.
        step, phases = 1, ratio * taps.reshape(2 * HALF_LENGTH, ratio)[::-1]
    else:
        step, phases = ratio, taps[::-1, np.newaxis]
    width, made = phases.shape
    matrix = np.zeros((width + (_BLOCK - 1) * step, _BLOCK * made), np.float32)
    for n in range(_BLOCK):
        matrix[n * step : n * step + width, n * made : (n + 1) * made] = phases
    matrix.flags.writeable = False
    return matrix, width - step


class FrameResampler:
    """One stream from one rate to another, n times as fast or slow."""

    def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
        slow, fast = sorted((in_rate_hz, out_rate_hz))
        ratio, rest = divmod(fast, slow)
        if rest or ratio > MAX_RATIO:
            raise ValueError("rates must be 1:n or n:1 with n up to 6; use resample.Resampler")
        self._ratio = ratio
        faster = out_rate_hz > in_rate_hz
        self._step, self._made = (1, ratio) if faster else (ratio, 1)
        self._matrix, past = _filter(ratio, faster=faster)
        self._past = np.zeros(past, np.float32)
        self.delay_ms = 1000 * HALF_LENGTH / slow
        """How much later sound comes out than it went in, to within one sample."""

    def process(self, pcm: Pcm) -> Pcm:
        """As many samples as the ratio makes of these; a whole frame of n when slowing down."""
        if self._ratio == 1:
            return pcm
        steps, rest = divmod(len(pcm), self._step)
        if rest:
            raise ValueError(f"pass a multiple of {self._step} samples")
        padding = np.zeros(-steps % _BLOCK * self._step, np.float32)
        sound = np.concatenate((self._past, pcm, padding), dtype=np.float32)
        self._past = sound[len(pcm) : len(pcm) + len(self._past)]
        windows: NDArray[np.float32] = np.ndarray(
            shape=(-(-steps // _BLOCK), len(self._matrix)),
            dtype=np.float32,
            buffer=sound,
            strides=(sound.itemsize * self._step * _BLOCK, sound.itemsize),
        )
        mixed = (windows @ self._matrix).ravel()
        np.rint(mixed, out=mixed)
        np.minimum(mixed, _PEAK, out=mixed)
        np.maximum(mixed, _TROUGH, out=mixed)
        return mixed[: steps * self._made].astype(np.int16)

    def flush(self) -> Pcm:
        """The end of the stream that the filter still held; afterwards a new one may begin."""
        if self._ratio == 1:
            return np.zeros(0, np.int16)
        tail = self.process(np.zeros(2 * HALF_LENGTH * self._step, np.int16))
        self._past = np.zeros_like(self._past)
        return tail
