"""A caller's track as the raw codec file that SIPp streams: 160 bytes for each 20 ms.

SIPp 3.6.1 reads no WAV header. G.722 carries the track as it is; for G.711 it is brought down to
8 kHz first.
"""

import numpy as np
import soxr

from switchboard_loadtest.errors import LoadTestError
from switchboard_loadtest.flite import RATE_HZ
from switchboard_media.codec import CODECS, Codec
from switchboard_media.pcm import Pcm


def codec_by_name(name: str) -> Codec:
    """The codec that a person means."""
    wanted = name.upper().replace(".", "")
    for codec in CODECS:
        if codec.name == wanted:
            return codec
    raise LoadTestError(
        f"there is no codec {name}", f"use one of {', '.join(codec.name for codec in CODECS)}"
    )


def at_rate(pcm: Pcm, from_hz: int, to_hz: int) -> Pcm:
    """The same sound at another sample rate, without delay."""
    if from_hz == to_hz:
        return pcm
    resampled = soxr.resample(pcm, from_hz, to_hz, quality="HQ")
    return np.asarray(resampled, np.int16)


def encode(pcm: Pcm, codec: Codec) -> bytes:
    """Raw payload of a 16 kHz track."""
    return codec.make_encoder().encode(at_rate(pcm, RATE_HZ, codec.sample_rate_hz))
