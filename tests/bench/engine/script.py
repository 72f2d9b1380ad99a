"""What is said in the benchmark, and how long providers take: the same for every engine.

Nothing here imports an engine: the peers run it in environments of their own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

RATE_HZ: Final = 16_000
FRAME_MS: Final = 20
FRAME_SAMPLES: Final = RATE_HZ * FRAME_MS // 1000

STT_FINAL_MS: Final = 100
"""From the last voiced sample to the words."""
LLM_FIRST_MS: Final = 150
LLM_TOKEN_MS: Final = 20
"""50 tokens a second."""
TTS_FIRST_MS: Final = 80
TTS_MS_PER_LETTER: Final = 40

GREETING: Final = "Hello."
ANSWER: Final = (
    "Sure. That is all set. I can put it in the book for you now. "
    "We see you at ten on the day you ask me to. "
    "Is it ok if we go on, or do you want it so?"
)
"""Forty words. The first is a sentence of its own, so that an engine which waits for a clause waits
no longer than one which hands single words to its voice."""

SENTENCES: Final = (
    "i would like to book an appointment for the day after tomorrow",
    "can you tell me how much a routine cleaning costs these days",
    "is it possible to come in before work on wednesday morning",
    "i need to change the address that you have for me on file",
    "please tell the doctor that the pain is much better today",
)
"""2.8 to 3.3 s each."""

_VOICED: Final = 400


def tokens() -> list[str]:
    """The answer as a language model streams it."""
    words = ANSWER.split(" ")
    return [f"{word} " for word in words[:-1]] + words[-1:]


def voice(text: str) -> Pcm:
    """The answer as a synthesiser speaks it: a tone as long as the text."""
    samples = np.arange(len(text.strip()) * TTS_MS_PER_LETTER * RATE_HZ // 1000)
    wave: Pcm = (3000 * np.sin(samples * 0.3)).astype(np.int16)
    return wave


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the caller, cut at its first and last voiced sample."""

    frames: tuple[Pcm, ...]
    finals: dict[int, str]
    """Words by the number of the frame with which their recogniser is done: 100 ms after a stretch
    of speech. A pause within a sentence that is as long ends a stretch too."""


def cut(pcm: Pcm, text: str) -> Sentence:
    """Cut a spoken sentence into frames and find when its words would be known."""
    voiced = np.flatnonzero(np.abs(pcm) > _VOICED)
    pcm = pcm[voiced[0] : voiced[-1] + 1]
    pcm = np.concatenate((np.zeros(-len(pcm) % FRAME_SAMPLES, np.int16), pcm))
    frames = pcm.reshape(-1, FRAME_SAMPLES)
    loud = np.abs(frames).max(axis=1) > _VOICED
    wait = STT_FINAL_MS // FRAME_MS
    words, told, finals = text.split(), 0, dict[int, str]()
    ends = [i for i in np.flatnonzero(loud) if not loud[i + 1 : i + 1 + wait].any()]
    for end in ends:
        count = len(words) if end == ends[-1] else round(len(words) * (end + 1) / len(frames))
        finals[int(end) + wait] = " ".join(words[told:count])
        told = count
    return Sentence(tuple(frames), {at: said for at, said in finals.items() if said})


def save(path: Path, spoken: dict[str, Pcm]) -> None:
    """Keep spoken sentences, by their text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **spoken)


def load(path: Path) -> list[Sentence]:
    """The sentences that were kept."""
    with np.load(path) as kept:
        return [cut(kept[text], text) for text in kept.files]
