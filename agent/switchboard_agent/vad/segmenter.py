"""From probabilities of speech to the moments when speech starts and ends.

Pure: one probability per window goes in, at most one edge comes out, and time is counted in samples
of the caller's audio. Hysteresis keeps an edge from flickering: speech needs two windows above a
high threshold, silence needs a run of windows below a low one. Edges are dated back to when they
happened; noticing them takes longer.
"""

from dataclasses import dataclass
from enum import Enum, auto

from switchboard_agent.transport.base import SAMPLE_RATE_HZ
from switchboard_agent.vad.base import WINDOW_SAMPLES


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """How sure and how long."""

    speech_above: float = 0.5
    """Probability that begins speech: Silero's own default."""
    silence_below: float = 0.35
    """Probability that ends it; the gap keeps soft syllables inside."""
    min_speech_windows: int = 2
    """64 ms: a click is one window."""
    agreed_silence_ms: float = 32
    """Silence that will do once a recogniser says too that the caller has stopped: one window."""
    agreement_ms: float = 128
    """How long a recogniser's word counts: the detector itself calls a voice that has just stopped
    speech for up to three windows more."""
    min_silence_ms: float = 190
    """Silence before speech counts as ended. Six windows: long enough for the closure of a "t",
    short enough to have the words known when the shortest endpoint (300 ms) is reached."""


class EdgeKind(Enum):
    """Which way the voice went."""

    STARTED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Edge:
    """The caller began or ceased to speak."""

    kind: EdgeKind
    sample: int
    """First voiced sample, or the one after the last."""


class Segmenter:
    """Finds the edges in one call's audio."""

    __slots__ = (
        "_agreed_to",
        "_candidate",
        "_last_voiced",
        "_position",
        "_run",
        "_settings",
        "_speaking",
    )

    def __init__(self, settings: SegmenterSettings | None = None) -> None:
        self._settings = settings or SegmenterSettings()
        self._position = 0
        self._speaking = False
        self._run = 0
        self._candidate = 0
        self._last_voiced = 0
        self._agreed_to = 0

    @property
    def speaking(self) -> bool:
        """Whether speech is going on."""
        return self._speaking

    def feed(self, probability: float) -> Edge | None:
        """Take the probability of the next window."""
        start = self._position
        self._position += WINDOW_SAMPLES
        if self._speaking:
            return self._feed_speech(probability)
        if probability < self._settings.speech_above:
            self._run = 0
            return None
        if self._run == 0:
            self._candidate = start
        self._run += 1
        if self._run < self._settings.min_speech_windows:
            return None
        self._speaking = True
        self._run = 0
        self._last_voiced = self._position
        return Edge(EdgeKind.STARTED, self._candidate)

    def agree_on_end(self) -> Edge | None:
        """A recogniser has heard the end of the words: with it as a witness less silence will do.

        Counts for a little while; a voice that goes on beyond it proves the recogniser wrong.
        """
        if not self._speaking:
            return None
        self._agreed_to = self._position + round(
            self._settings.agreement_ms * SAMPLE_RATE_HZ / 1000
        )
        return self._end_if_silent()

    def end_of_audio(self) -> Edge | None:
        """No audio comes any more for now: speech, if any, ends with the last voiced sample."""
        self._run = 0
        self._agreed_to = 0
        if not self._speaking:
            return None
        self._speaking = False
        return Edge(EdgeKind.ENDED, self._last_voiced)

    def _feed_speech(self, probability: float) -> Edge | None:
        if probability >= self._settings.silence_below:
            self._last_voiced = self._position
            return None
        return self._end_if_silent()

    def _end_if_silent(self) -> Edge | None:
        settings = self._settings
        agreed = self._position <= self._agreed_to
        needed_ms = settings.agreed_silence_ms if agreed else settings.min_silence_ms
        silence_ms = (self._position - self._last_voiced) * 1000 / SAMPLE_RATE_HZ
        return self.end_of_audio() if silence_ms >= needed_ms else None
