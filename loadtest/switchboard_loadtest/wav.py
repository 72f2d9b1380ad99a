"""Both sides of a call in one stereo file: the caller on the left, the agent on the right.

Each side is laid where the caller's packets left and the agent's packets arrived, on one clock, so
that a listener hears every pause as the caller did.
"""

import wave
from pathlib import Path

import numpy as np

from switchboard_loadtest.caller_speech import RATE_HZ, CallerTrack
from switchboard_loadtest.caller_view import CallerView
from switchboard_loadtest.encode import at_rate
from switchboard_loadtest.hearing import sound
from switchboard_media.pcm import Pcm


def stereo(view: CallerView, track: CallerTrack) -> Pcm:
    """Samples in two columns, from the 200 OK to the end of the call, at 16 kHz."""
    zero_ns = view.leg.answered_ns or view.leg.invite_ns
    samples = int(view.duration_ms * RATE_HZ / 1000)
    caller = np.zeros(samples, np.int16)
    if view.sent_ns:
        lead = max(0, int((view.sent_ns[0] - zero_ns) * RATE_HZ // 1_000_000_000))
        said = track.pcm[: max(0, samples - lead)]
        caller[lead : lead + said.size] = said
    heard = sound(view.hearing, zero_ns, view.duration_ms)
    agent = np.zeros(samples, np.int16)
    resampled = at_rate(heard, view.hearing.rate_hz, RATE_HZ)[:samples]
    agent[: resampled.size] = resampled
    return np.stack([caller, agent], axis=1)


def write(path: Path, samples: Pcm) -> None:
    """A 16 bit WAV file; one column per channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
