"""Whether a sound of the caller over the agent's voice is an interruption.

The agent pauses at the first voiced sound, because waiting for certainty is what callers notice.
Certainty may then take its time, since nobody is talked over any more: words tell. "Stop" stops the
agent at once, several words do, a word in speech that lasts does. "Uh-huh", a cough and a click do
not, and the agent goes on where it paused. A sound that lasts and has no words yet is taken for
speech: a recogniser may be slow, and a caller who talks is not talked over.
"""

from dataclasses import dataclass
from enum import StrEnum

from switchboard_agent.language.turn_words import TurnWords
from switchboard_agent.language.words import Words, contains, without, without_begun, words_of
from switchboard_contract.crd.turn import BargeIn

_LASTING_MS = 700
"""A sound without words, this long, is speech. Coughs and laughs are mostly shorter."""
_ASSENT_MS = 1500
""""Yeah, okay, right": longer than this, the caller wants to say something."""
_ROUNDING_MS = 0.001
"""Times are sums of fractions: a timer set for the very moment must find that it has come."""


class Verdict(StrEnum):
    """What is known about a sound over the agent's voice."""

    INTERRUPTION = "interruption"
    BACKCHANNEL = "backchannel"
    """The caller shows that she listens."""
    NOISE = "noise"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BargeInRule:
    """Decides from the length of the sound and the words in it."""

    settings: BargeIn
    words: TurnWords

    def judge(self, voiced_ms: float, text: str, *, over: bool) -> Verdict:
        """`voiced_ms` and `text` so far; `over` if the sound has ended and its words are known."""
        words = words_of(text)
        if contains(words, self.words.interruptions):
            return Verdict.INTERRUPTION
        told = words if over else without_begun(words, self.words.backchannels)
        if len(without(told, self.words.backchannels)) >= self.settings.min_words:
            return Verdict.INTERRUPTION
        if over and self.assents(text):
            return Verdict.BACKCHANNEL
        sure_ms = self._sure_ms(told)
        if voiced_ms + _ROUNDING_MS >= sure_ms:
            return Verdict.INTERRUPTION
        return Verdict.NOISE if over else Verdict.OPEN

    def assents(self, text: str) -> bool:
        """Whether there are words, and all of them only show that the caller listens."""
        words = words_of(text)
        return bool(words) and not without(words, self.words.backchannels)

    def sure_ms(self, text: str) -> float:
        """Speech with these words so far that is an interruption by its length alone.

        The "i" of an "i see" is no word yet.
        """
        return self._sure_ms(without_begun(words_of(text), self.words.backchannels))

    def _sure_ms(self, words: Words) -> float:
        if not words:
            return max(self.settings.min_speech_ms, _LASTING_MS)
        assents = not without(words, self.words.backchannels)
        return max(self.settings.min_speech_ms, _ASSENT_MS if assents else 0)
