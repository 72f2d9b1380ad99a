"""How words sound: the recogniser's own dictionary, a few words it lacks, the script's additions.

A word that stands nowhere is refused by name. Guessing its sounds from its letters would only make
the recogniser deaf to it without telling anyone.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pocketsphinx

EXTRA: Final[Mapping[str, str]] = {
    "toothache": "T UW TH EY K",
    "reschedule": "R IY S K EH JH UH L",
    "voicemail": "V OY S M EY L",
    "website": "W EH B S AY T",
    "email": "IY M EY L",
    "checkup": "CH EH K AH P",
    "orthodontist": "AO R TH AH D AA N T IH S T",
    "whitening": "W AY T AH N IH NG",
}
"""Usual words that the dictionary of pocketsphinx lacks, or lacked in some version."""

Pronunciations = dict[str, list[str]]


class UnknownWordsError(Exception):
    """Words of a script that the recogniser cannot hear, and what to do about it."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        super().__init__(
            f"no pronunciation for: {', '.join(words)}; use other words in the script, "
            "or add their ARPAbet sounds to its pronunciations"
        )


def base_dictionary() -> Pronunciations:
    """The dictionary that comes with the recogniser: every way to say each word."""
    sounds: Pronunciations = {}
    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            entry, _, phones = line.strip().partition(" ")
            sounds.setdefault(entry.partition("(")[0], []).append(phones)
    return sounds


def pronounce(
    words: Iterable[str], base: Mapping[str, Sequence[str]], additions: Mapping[str, str]
) -> str:
    """Dictionary file of just these words. Raises `UnknownWordsError`."""
    lines: list[str] = []
    unknown: list[str] = []
    for word in sorted(set(words)):
        sounds = [*_added(word, additions), *base.get(word, ())]
        if not sounds and word in EXTRA:
            sounds = [EXTRA[word]]
        if not sounds:
            unknown.append(word)
        for index, phones in enumerate(dict.fromkeys(sounds), 1):
            lines.append(f"{word if index == 1 else f'{word}({index})'} {phones}\n")
    if unknown:
        raise UnknownWordsError(unknown)
    return "".join(lines)


def _added(word: str, additions: Mapping[str, str]) -> list[str]:
    return [additions[word]] if word in additions else []
