"""English: words over another's voice, words that get time, and what things are dictated with."""

from typing import Final

from switchboard_agent.language.dictation import DictationTable

BACKCHANNELS: Final = (
    "uh-huh",
    "mhm",
    "mm-hmm",
    "hmm",
    "hm",
    "mm",
    "aha",
    "oh",
    "yeah",
    "yes",
    "yep",
    "okay",
    "ok",
    "right",
    "sure",
    "alright",
    "all right",
    "i see",
    "got it",
    "great",
    "good",
)
"""Said to show that one listens. Over the agent's voice they are no wish to speak."""

INTERRUPTIONS: Final = (
    "stop",
    "wait",
    "hold on",
    "hang on",
    "one moment",
    "just a moment",
    "excuse me",
    "actually no",
    "no no",
    "listen",
)
"""Said to get the word: one of them is enough."""

BACKCHANNELS_HEARD: Final = ("uh-huh", "mhm", "hmm", "yeah", "okay", "right", "i see")
"""Those that a recogniser with a small vocabulary should be able to tell from other words."""
INTERRUPTIONS_HEARD: Final = ("stop", "wait", "hold on", "excuse me")
"""The same, of those that ask for the word."""

HOLDS: Final = (
    "one moment",
    "one second",
    "one minute",
    "just a moment",
    "just a second",
    "just a minute",
    "just one moment",
    "a moment",
    "give me a moment",
    "give me a second",
    "give me a minute",
    "wait a moment",
    "wait a second",
    "wait a minute",
    "hold on",
    "hang on",
    "hold the line",
    "bear with me",
    "let me check",
    "let me see",
    "let me look",
    "let me find it",
    "let me get it",
)
"""Said to get time: the caller will go on by himself."""
POLITE: Final = (
    "please",
    "okay",
    "ok",
    "yes",
    "yeah",
    "sure",
    "sorry",
    "um",
    "uh",
    "oh",
    "well",
    "for me",
    "i'm sorry",
    "thank you",
    "thanks",
    "a sec",
)
"""Said around anything."""

_DIGITS: Final = "zero one two three four five six seven eight nine oh"
_LETTERS: Final = """
    alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar
    papa quebec romeo sierra tango uniform victor whiskey zulu
"""
_ENDINGS: Final = "com org net edu gov io co uk us de ca info biz"
_STREETS: Final = """
    street avenue road lane drive boulevard court place way square terrace highway
"""

DICTATION: Final = DictationTable(
    digits=frozenset(_DIGITS.split()),
    repeats=frozenset(("double", "triple")),
    fillers=frozenset(("um", "uh", "er", "hmm")),
    letters=frozenset(_LETTERS.split()),
    at=frozenset(("at", "@")),
    dot=frozenset(("dot", "period", "point", ".")),
    joints=frozenset(("dash", "hyphen", "minus", "underscore", "slash", "plus")),
    endings=frozenset(_ENDINGS.split()),
    mail_hosts=frozenset(("gmail", "yahoo", "hotmail", "outlook", "icloud", "aol")),
    streets=frozenset(_STREETS.split()),
    asked_mail=frozenset(("email", "mail")),
    asked_spelling=frozenset(("spell", "spelled", "spelling")),
    asked_street=frozenset(("address", "street", "live")),
    asked_digits={
        "phone": (7, 10),
        "telephone": (7, 10),
        "cell": (7, 10),
        "mobile": (7, 10),
        "card": (16,),
        "zip": (5,),
        "number": (),
        "digits": (),
        "code": (),
    },
)
"""Lengths are those of the United States."""
