"""A caller script as sound: one track for the whole call, with the true bounds of each utterance.

Start and end of speech are measured by energy in the very samples that are sent, never taken from
the length of a file: synthesisers pad with silence, and a padded end would make every turn look
faster than it was. Between utterances the track holds faint noise, as a phone line does; a track of
zeros would hide a receiver that needs digital silence to find the end of a turn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from switchboard_loadtest.caller_script import CallerScript, Says
from switchboard_loadtest.errors import CallerScriptError
from switchboard_loadtest.voiced import FRAME_MS, Span, voiced_span
from switchboard_media.pcm import Pcm

RATE_HZ = 16_000
COMFORT_NOISE_AMPLITUDE = 6
"""Peak of the uniform noise between utterances: about -80 dBFS."""

MIN_PAUSE_MS = 300
"""Silence that has to stand between two utterances, or they would be one."""

TAIL_MS = 2000
"""Track beyond the hang-up, so that packets never stop before the call does."""

Speak = Callable[[str], Pcm]
"""Text to 16 kHz samples."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance and where its voice is in the track."""

    says: Says
    voice: Span
    """First to last voiced frame, from the start of the track. For keys: the planned moment."""

    @property
    def onset_frame(self) -> int:
        """Index of the packet with the first voiced frame."""
        return int(self.voice.start_ms // FRAME_MS)

    @property
    def last_frame(self) -> int:
        """Index of the packet with the last voiced frame."""
        return max(self.onset_frame, int(-(-self.voice.end_ms // FRAME_MS)) - 1)


@dataclass(frozen=True, slots=True)
class CallerTrack:
    """A whole call of the caller at 16 kHz."""

    script: CallerScript
    pcm: Pcm
    spoken: tuple[Spoken, ...]


def make_track(script: CallerScript, speak: Speak, *, seed: int = 1) -> CallerTrack:
    """Lay the utterances of a script on a bed of faint noise."""
    pcm = _bed(script, seed)
    spoken: list[Spoken] = []
    free_from_ms = 0.0
    for says in script.says:
        if says.at_ms < free_from_ms:
            raise CallerScriptError(
                f"caller script {script.name}: the utterance at {says.at_ms} ms starts before the "
                "one before it has ended",
                f"start it at {int(free_from_ms) + 1} ms or later",
            )
        placed = _place(pcm, says, speak) if says.text else _keyed(says)
        spoken.append(placed)
        free_from_ms = placed.voice.end_ms + MIN_PAUSE_MS
    return CallerTrack(script, pcm, tuple(spoken))


def _bed(script: CallerScript, seed: int) -> Pcm:
    samples = (script.hang_up_ms + TAIL_MS) * RATE_HZ // 1000
    samples += -samples % (RATE_HZ * FRAME_MS // 1000)
    rng = np.random.default_rng(seed)
    if script.noise_dbfs is None:
        amplitude = COMFORT_NOISE_AMPLITUDE
        return rng.integers(-amplitude, amplitude, samples, dtype=np.int16, endpoint=True)
    sigma = 32768.0 * 10 ** (script.noise_dbfs / 20)
    return np.clip(rng.normal(0.0, sigma, samples), -32768, 32767).astype(np.int16)


def _place(pcm: Pcm, says: Says, speak: Speak) -> Spoken:
    """Add an utterance so that its first voiced frame is at the planned moment."""
    sound = speak(says.text)
    voice = voiced_span(sound, RATE_HZ)
    if voice is None:
        raise CallerScriptError(f"{says.text!r} came out silent", "use another text or voice")
    lead = int(voice.start_ms * RATE_HZ // 1000)
    sound = sound[lead:]
    start_ms = says.at_ms - says.at_ms % FRAME_MS
    start = start_ms * RATE_HZ // 1000
    if start + sound.size > pcm.size:
        raise CallerScriptError(
            f"{says.text!r} at {says.at_ms} ms does not end before the call does",
            "raise hang_up_ms",
        )
    mixed = pcm[start : start + sound.size].astype(np.int32) + sound
    pcm[start : start + sound.size] = np.clip(mixed, -32768, 32767).astype(np.int16)
    return Spoken(says, Span(start_ms, start_ms + voice.length_ms))


def _keyed(says: Says) -> Spoken:
    start_ms = says.at_ms - says.at_ms % FRAME_MS
    return Spoken(says, Span(start_ms, start_ms))
