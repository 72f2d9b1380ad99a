"""The words of one reply beside its samples: which of them have been heard.

A reply is spoken part by part. Where a part begins in the audio is known, so only inside the part
that was cut do words have to be told from the speaking rate.
"""

from dataclasses import dataclass, field

from switchboard_agent.audio.heard import heard_words
from switchboard_agent.transport.base import SAMPLE_RATE_HZ

_SAMPLES_PER_LETTER = SAMPLE_RATE_HZ // 16
"""Usual speaking rate, for a part that is cut before its whole length is known."""


@dataclass(slots=True)
class _Part:
    text: str
    begin: int
    end: int | None = None
    """Sample behind its last; None while it is being synthesised."""


@dataclass(slots=True)
class SpokenText:
    """One reply's words, in the order in which they are synthesised."""

    _parts: list[_Part] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words known so far."""
        return " ".join(part.text for part in self._parts)

    def begin(self, text: str, sample: int) -> None:
        """The audio from `sample` on says this."""
        self._parts.append(_Part(text, sample))

    def end(self, sample: int) -> None:
        """The last part's audio is complete."""
        self._parts[-1].end = sample

    def heard(self, played: int, known: int) -> str:
        """Words heard when `played` of the `known` samples have been played."""
        heard = (_heard(part, played, known) for part in self._parts)
        return " ".join(words for words in heard if words)


def _heard(part: _Part, played: int, known: int) -> str:
    total = part.end
    if total is None:
        total = max(known, part.begin + len(part.text) * _SAMPLES_PER_LETTER)
    return heard_words(part.text, played - part.begin, total - part.begin)
