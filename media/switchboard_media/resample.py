"""Change of sample rate for streams and whole recordings.

Two tools, because they lose different things:

- `Resampler` wraps soxr: any pair of rates. `HIGH` and `LOW` are clean but work in blocks, so
  output comes in bursts, up to 120 ms late (measured: 8 to 16 kHz, `HIGH`): right for files and
  synthesised speech. `QUICK` answers at once, but does not filter: it folds what lies above the
  new band back into it and leaves images above the old one.
- `fir_resample.FrameResampler`: whole-number ratios, clean, 1 ms late, exactly one frame out for
  one frame in: right for live calls.

A stream's end is not lost: `flush` returns what the filter still held, so the output has as many
samples as the ratio says.
"""

from enum import StrEnum

import numpy as np
import soxr

from switchboard_media.pcm import Pcm


class Quality(StrEnum):
    """How much care to take, in soxr's names."""

    QUICK = "QQ"
    LOW = "LQ"
    HIGH = "HQ"


class Resampler:
    """One stream from one rate to another."""

    def __init__(self, in_rate_hz: int, out_rate_hz: int, quality: Quality = Quality.HIGH) -> None:
        self._copies = in_rate_hz == out_rate_hz
        self._stream = soxr.ResampleStream(
            in_rate_hz, out_rate_hz, 1, dtype="int16", quality=str(quality)
        )

    def process(self, pcm: Pcm) -> Pcm:
        """Output that is ready; may be empty, or more than a frame."""
        if self._copies:
            return pcm
        ready: Pcm = self._stream.resample_chunk(pcm)
        return ready

    def flush(self) -> Pcm:
        """The rest of the stream; afterwards a new stream may begin."""
        if self._copies:
            return np.zeros(0, np.int16)
        tail: Pcm = self._stream.resample_chunk(np.zeros(0, np.int16), last=True)
        self._stream.clear()
        return tail


def resample(pcm: Pcm, in_rate_hz: int, out_rate_hz: int) -> Pcm:
    """A whole recording, without delay or lost end."""
    if in_rate_hz == out_rate_hz or len(pcm) == 0:
        return pcm
    resampled: Pcm = soxr.resample(pcm, in_rate_hz, out_rate_hz, quality=str(Quality.HIGH))
    return resampled
