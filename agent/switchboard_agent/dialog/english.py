"""Phrases that every script understands without naming them, and words that end no sentence."""

from typing import Final

REPEAT: Final = (
    "can you repeat that please",
    "can you repeat that",
    "please repeat that",
    "could you say that again",
    "what did you say",
    "pardon",
)
HOLD: Final = (
    "one moment please",
    "one moment",
    "just a moment please",
    "wait a moment",
    "hold on please",
    "just a second please",
)

CORRECTION_LEADS: Final = (
    "actually no",
    "no wait",
    "no",
    "sorry i changed my mind",
    "i changed my mind",
    "actually",
)
"""What callers say before they change an answer; `no` alone may be just that."""

CORRECTIONS: Final = (
    "{lead} {value}",
    "{lead} make it {value}",
    "{lead} {value} please",
    "{lead} {value} would be better",
    "let us make it {value} instead",
)

_UNFINISHED: Final = """
    a about actually an and any are as at be because been between but by can could do every for from
    have he her his how i i'd i'll i'm i've if in into is it's like make my next of on or our past
    she should so than the their they this to um uh until wait want we we're what when where which
    who why will with would your
"""
UNFINISHED: Final = frozenset(_UNFINISHED.split())
"""Words after which something must follow: the caller is not done."""
