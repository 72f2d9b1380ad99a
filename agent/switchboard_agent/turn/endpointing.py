"""How long a pause must be before it ends the caller's turn.

A fixed silence is wrong both ways: 300 ms cuts off who thinks of a phone number, 1,200 ms lets who
said "yes" wait. So what was said decides: the short silence where it is finished, the long one
where it is not, and a longer one still inside what is dictated. Who knows whether it is finished is
the detector's business: nobody (silence), the words (completeness), or a model that heard how they
were said. A detector that errs on the early side cuts callers off, so whoever compares them must
count both, the delay and the false cut-offs (`make bench-turns`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from switchboard_contract.crd.turn import Endpointing


class Endpointer(Protocol):
    """Decides the silence that ends a turn."""

    @property
    def listens(self) -> bool:
        """Whether the turn's audio is to be judged as well."""

    def silence_ms(self, text: str, finished: float | None = None) -> float:
        """Silence after the last voiced sample that ends a turn with these words.

        `finished` is the probability that the caller is done, as judged by ear; None as long as
        it is not known.
        """


@dataclass(frozen=True, slots=True)
class SilenceEndpointer:
    """Ends every turn after the same silence."""

    silence: float
    listens: bool = False

    def silence_ms(self, text: str, finished: float | None = None) -> float:  # noqa: ARG002 - the seam
        """Silence that ends a turn."""
        return self.silence


@dataclass(frozen=True, slots=True)
class CompletenessEndpointer:
    """Ends a turn early when its words are complete."""

    settings: Endpointing
    is_complete: Callable[[str], bool]
    """Whether the words sound finished, to the dialog that knows what was asked."""
    is_dictated: Callable[[str], bool] = lambda _: False
    """Whether the last word is one of something dictated."""
    listens: bool = False

    def silence_ms(self, text: str, finished: float | None = None) -> float:  # noqa: ARG002 - the seam
        """The short silence for complete words and for none, a long one for others."""
        if not text or self.is_complete(text):
            return self.settings.min_silence_ms
        longest = self.settings.max_silence_ms
        if self.is_dictated(text):
            longest = max(longest, self.settings.dictation_silence_ms)
        return longest


@dataclass(frozen=True, slots=True)
class AudioEndpointer:
    """Ends a turn early when it sounded finished; goes by the words until that is known."""

    words: CompletenessEndpointer
    threshold: float
    listens: bool = True

    def silence_ms(self, text: str, finished: float | None = None) -> float:
        """As the ear says; what is dictated and not whole is not finished, however it sounds."""
        by_words = self.words.silence_ms(text)
        settings = self.words.settings
        if finished is None or by_words > settings.max_silence_ms:
            return by_words
        return settings.min_silence_ms if finished >= self.threshold else settings.max_silence_ms
