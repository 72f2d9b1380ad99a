"""Synthesised callers for `bench_turns`: a ladder of pauses inside sentences, and short sounds.

Spoken by flite, so that a sentence has a melody and its end is known to the sample. Synthetic
speech says little about how people pause; it says which pause each rule survives.
"""

import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_media.resample import resample

PER_MS: Final = SAMPLE_RATE_HZ // 1000
RUNGS_MS: Final = tuple(range(100, 1501, 100))
LEAD_MS: Final = 500
TAIL_MS: Final = 3500
_VOICED: Final = 400
VOICES: Final = ("slt", "rms")

UNFINISHED: Final = (
    ("i would like to book an appointment for", "next tuesday"),
    ("can i come in on", "monday morning"),
    ("could you please tell me your", "opening hours"),
    ("i have a toothache and", "it hurts a lot"),
    ("i want to speak to", "a person please"),
    ("please cancel the", "appointment on friday"),
    ("do you take my", "insurance"),
    ("it is about", "the letter you sent me"),
    ("i am calling because", "i lost my card"),
    ("what would it", "cost to have it repaired"),
)
"""Sentences that are complete at their end and were paused where their words are not."""
AFTERTHOUGHTS: Final = (
    ("yes please", "on monday morning"),
    ("i have a broken tooth", "it hurts a lot"),
    ("that works for me", "thank you very much"),
    ("my name is sarah", "sarah johnson"),
)
"""Paused where the words are complete: no rule of words can know that more comes."""
DICTATED: Final = (
    ("my number is five five five", "one two three four"),
    ("it is ann dot smith at", "gmail dot com"),
    ("it is spelled s m i", "t h"),
    ("four one one one two two two two", "three three three three four four four four"),
)
_PHONES: Final = {"mhm": "pau m hh ah m pau"}
"""Sounds that flite would spell."""
BACKCHANNELS: Final = ("uh-huh", "mhm", "yeah", "okay", "right", "i see", "yeah okay", "oh great")
INTERRUPTIONS: Final = (
    "stop",
    "wait a moment",
    "no i meant tuesday",
    "excuse me can i ask something",
    "actually no wednesday would be better",
    "i would like to cancel",
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word and where most of it has been said."""

    text: str
    middle_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Rung:
    """A sentence with a pause inside."""

    pcm: Pcm
    words: tuple[Word, ...]
    pause_ms: int
    second_begins_ms: float
    ends_ms: float
    """Last voiced sample."""


@cache
def speak(text: str, voice: str) -> Pcm:
    """Voiced part of a sentence by flite, at 16 kHz."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        said = ["-p", _PHONES[text]] if text in _PHONES else ["-t", text]
        subprocess.run(["flite", "-voice", voice, *said, "-o", file.name], check=True)
        with wave.open(file.name) as sound:
            rate = sound.getframerate()
            pcm = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)
    pcm = pcm if rate == SAMPLE_RATE_HZ else resample(pcm, rate, SAMPLE_RATE_HZ)
    voiced = np.flatnonzero(np.abs(pcm) > _VOICED)
    return pcm[voiced[0] : voiced[-1] + 1]


def silence(ms: float) -> Pcm:
    """A quiet line."""
    return np.zeros(round(ms * PER_MS), dtype=np.int16)


def rungs(sentence: tuple[str, str], voice: str) -> list[Rung]:
    """One sentence on every rung of the ladder."""
    first, second = (speak(part, voice) for part in sentence)
    made = []
    for pause in RUNGS_MS:
        parts = (silence(LEAD_MS), first, silence(pause), second, silence(TAIL_MS))
        second_ms = LEAD_MS + len(first) / PER_MS + pause
        words = (
            *timed(sentence[0], LEAD_MS, len(first) / PER_MS),
            *timed(sentence[1], second_ms, len(second) / PER_MS),
        )
        ends = second_ms + len(second) / PER_MS
        made.append(Rung(np.concatenate(parts), words, pause, second_ms, ends))
    return made


def timed(text: str, begin_ms: float, length_ms: float) -> list[Word]:
    """Words at their share of the letters."""
    words = text.split()
    bounds = np.cumsum([0, *(len(word) + 1 for word in words)]) / (len(text) + 1)
    spans = [
        (begin_ms + low * length_ms, begin_ms + high * length_ms) for low, high in pairwise(bounds)
    ]
    return [
        Word(word, (low + high) / 2, high) for word, (low, high) in zip(words, spans, strict=True)
    ]


def noises(seed: int = 5) -> dict[str, Pcm]:
    """Sounds that are no speech: clicks, a bang, rustling, a hum."""
    draw = np.random.default_rng(seed)

    def burst(ms: int, level: float, fade: float) -> Pcm:
        count = ms * PER_MS
        shape = np.exp(-fade * np.arange(count) / count)
        return (draw.standard_normal(count) * level * shape).clip(-32768, 32767).astype(np.int16)

    def clicks(count: int) -> Sequence[Pcm]:
        return [part for _ in range(count) for part in (burst(12, 9000, 3), silence(110))]

    hum = 4000 * np.sin(np.arange(900 * PER_MS) * 2 * np.pi * 50 / SAMPLE_RATE_HZ)
    return {
        "click": burst(12, 9000, 3),
        "keyboard": np.concatenate(clicks(8)),
        "bang": burst(250, 15_000, 6),
        "rustling 0.4 s": burst(400, 2500, 0.5),
        "rustling 1.5 s": burst(1500, 2500, 0.5),
        "hum": hum.astype(np.int16),
    }
