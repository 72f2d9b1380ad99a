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

Floats = NDArray[np.float32]

MAX_RATIO: Final = 6
HALF_LENGTH: Final = 12
"""Samples of the slower rate before and after the middle of the filter."""
_BLOCK: Final = 8
"""Samples of the slower rate that one row makes or takes; a frame of 20 ms is a multiple."""
_KAISER_BETA: Final = 5.65
"""60 dB of stop band."""
_PEAK: Final = 32_767.0
_TROUGH: Final = -32_768.0


def _low_pass(ratio: int) -> Floats:
    """Taps at the faster rate, cutting at the slower rate's Nyquist frequency, sum 1."""
    half = HALF_LENGTH * ratio
    at = np.arange(-half, half) + 0.5
    taps = np.sinc(at / ratio) * np.kaiser(2 * half, _KAISER_BETA)
    scaled: Floats = (taps / taps.sum()).astype(np.float32)
    return scaled


@cache
def _matrix(ratio: int, *, faster: bool) -> Floats:
    """What a block of steps sees, by what it makes. All streams share it.

    With one of its own for each, they would push one another's out of the processor's cache.
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
    return matrix


class RateChange:
    """From one rate to another, n times as fast or slow, for many streams at once.

    It keeps nothing of a stream: what the next frame needs of this one is passed out and in.
    """

    def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
        slow, fast = sorted((in_rate_hz, out_rate_hz))
        ratio, rest = divmod(fast, slow)
        if rest or not 1 < ratio <= MAX_RATIO:
            raise ValueError("rates must be 1:n or n:1 with n up to 6; use resample.Resampler")
        faster = out_rate_hz > in_rate_hz
        self.step, self._made = (1, ratio) if faster else (ratio, 1)
        """Samples that must come together."""
        self._matrix = _matrix(ratio, faster=faster)
        self._past = len(self._matrix) - self.step * _BLOCK

    def silence(self) -> Floats:
        """What a stream has behind it when it begins."""
        return np.zeros(self._past, np.float32)

    def process(self, past: Floats, pcm: Pcm) -> tuple[Pcm, Floats]:
        """New samples and past of each stream, from a row of each. The rows are of one length."""
        streams, count = pcm.shape
        steps, rest = divmod(count, self.step)
        if rest:
            raise ValueError(f"pass a multiple of {self.step} samples")
        padding = np.zeros((streams, -steps % _BLOCK * self.step), np.float32)
        sound = np.concatenate((past, pcm, padding), axis=1, dtype=np.float32)
        width = len(self._matrix)
        windows: Floats = np.ndarray(
            shape=(streams, -(-steps // _BLOCK), width),
            dtype=np.float32,
            buffer=sound,
            strides=(sound.strides[0], sound.itemsize * self.step * _BLOCK, sound.itemsize),
        )
        mixed = (windows.reshape(-1, width) @ self._matrix).reshape(streams, -1)
        np.rint(mixed, out=mixed)
        np.minimum(mixed, _PEAK, out=mixed)
        np.maximum(mixed, _TROUGH, out=mixed)
        made: Pcm = mixed[:, : steps * self._made].astype(np.int16)
        return made, sound[:, count : count + self._past].copy()


class FrameResampler:
    """One stream from one rate to another, n times as fast or slow."""

    def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
        self._change = None if in_rate_hz == out_rate_hz else RateChange(in_rate_hz, out_rate_hz)
        self._past = np.zeros((1, 0), np.float32)
        self._begin()
        self.delay_ms = 1000 * HALF_LENGTH / min(in_rate_hz, out_rate_hz)
        """How much later sound comes out than it went in, to within one sample."""

    def process(self, pcm: Pcm) -> Pcm:
        """As many samples as the ratio makes of these; a whole frame of n when slowing down."""
        if self._change is None:
            return pcm
        made, self._past = self._change.process(self._past, pcm[np.newaxis])
        frame: Pcm = made[0]
        return frame

    def flush(self) -> Pcm:
        """The end of the stream that the filter still held; afterwards a new one may begin."""
        if self._change is None:
            return np.zeros(0, np.int16)
        tail = self.process(np.zeros(2 * HALF_LENGTH * self._change.step, np.int16))
        self._begin()
        return tail

    def _begin(self) -> None:
        if self._change is not None:
            self._past = self._change.silence()[np.newaxis]
