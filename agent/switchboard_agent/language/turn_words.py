"""The words that matter to turn-taking in one agent's calls: its own, or those of its language.

A language is one more module with the tables of `english` and one more entry in `_LANGUAGES`.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Final, Self

from switchboard_agent.language import english
from switchboard_agent.language.dictation import Dictation
from switchboard_agent.language.words import Words, contains, phrases, without, words_of
from switchboard_contract.crd.turn import BargeIn

_LANGUAGES: Final[dict[str, ModuleType]] = {"en": english}


def dictation_of(language: str) -> Dictation:
    """What is dictated in this language, and when it is whole."""
    return Dictation(tables_of(language).DICTATION)


def asks_to_wait(language: str, text: str) -> bool:
    """Whether nothing is said but that one should wait."""
    tables = tables_of(language)
    words, holds = words_of(text), phrases(tables.HOLDS)
    return contains(words, holds) and not without(words, phrases((*tables.HOLDS, *tables.POLITE)))


def tables_of(language: str) -> ModuleType:
    """The tables for a BCP 47 tag."""
    return _LANGUAGES[language.partition("-")[0].lower()]


@dataclass(frozen=True, slots=True)
class TurnWords:
    """Phrases to look for in what is said over the agent's voice."""

    backchannels: tuple[Words, ...]
    interruptions: tuple[Words, ...]

    @classmethod
    def of(cls, language: str, settings: BargeIn) -> Self:
        """Those of the VoiceAgent; those of its language where it names none."""
        tables = tables_of(language)
        back, stop = settings.backchannel_words, settings.interruption_words
        interruptions = phrases(tables.INTERRUPTIONS if stop is None else stop)
        backchannels = phrases(tables.BACKCHANNELS if back is None else back)
        return cls(tuple(p for p in backchannels if p not in interruptions), interruptions)
