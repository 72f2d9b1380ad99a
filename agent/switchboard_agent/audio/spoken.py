"""The words of one reply beside its samples: which of them have been heard.

A reply is spoken part by part, and its next parts are known before their audio is. Where a part
begins in the audio is known, so only inside the part that was cut do words have to be told from the
speaking rate.
"""

from dataclasses import dataclass, field

from switchboard_agent.audio.heard import heard_words
from switchboard_agent.transport.base import SAMPLE_RATE_HZ

_SAMPLES_PER_LETTER = SAMPLE_RATE_HZ // 16
"""Usual speaking rate, for a part that is cut before its whole length is known."""


@dataclass(slots=True)
class _Part:
    text: str
    begin: int = 0
    end: int | None = None
    """Sample behind its last; None while it is being synthesised."""

    def heard(self, played: int, known: int) -> str:
        total = self.end
        if total is None:
            total = max(known, self.begin + len(self.text) * _SAMPLES_PER_LETTER)
        return heard_words(self.text, played - self.begin, total - self.begin)


@dataclass(slots=True)
class SpokenText:
    """One reply's words, in the order in which they are said."""

    _parts: list[_Part] = field(default_factory=list)
    _begun: int = 0
    """Parts whose audio has begun."""

    @property
    def text(self) -> str:
        """All words known so far."""
        return " ".join(part.text for part in self._parts if part.text)

    def add(self, text: str) -> None:
        """This will be said after what is known."""
        self._parts.append(_Part(text))

    def begin(self, sample: int) -> None:
        """The audio from `sample` on says the next part."""
        self._parts[self._begun].begin = sample
        self._begun += 1

    def end(self, sample: int) -> None:
        """The audio of the part that began last is complete."""
        self._parts[self._begun - 1].end = sample

    def begin_again(self, sample: int) -> None:
        """The part that began last breaks off at `sample`; from there on it is said once more."""
        part = self._parts[self._begun - 1]
        self._parts.insert(self._begun, _Part(part.text))
        self._cut(part, sample)
        self.begin(sample)

    def break_off(self, sample: int) -> None:
        """The part that began last breaks off at `sample`, and no other will be said."""
        del self._parts[self._begun :]
        if self._begun:
            self._cut(self._parts[-1], sample)

    def heard(self, played: int, known: int) -> str:
        """Words heard when `played` of the `known` samples have been played."""
        heard = (part.heard(played, known) for part in self._parts[: self._begun])
        return " ".join(words for words in heard if words)

    @staticmethod
    def _cut(part: _Part, sample: int) -> None:
        if part.end is None:
            part.text, part.end = part.heard(sample, sample), sample
