"""Which words a caller may say to an agent that has no script.

A language model is told in a prompt what to talk about, and callers may say anything. The decoder's
cost grows with its words, so it gets those that are frequent in general English and those that the
prompt itself uses: names of services and things stand there.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

FREQUENT: Final = 5000
"""Measured on flite callers over G.722: 8 % of words wrong at 0.17 CPU-seconds per second of speech
and 16 MB per decoder. The whole dictionary: 11 %, 0.45 and 58 MB.
"""
_WORD: Final = re.compile(r"[a-z][a-z']*")


def general_vocabulary(
    prompt: str,
    dictionary: Mapping[str, Sequence[str]],
    language_model: Any,  # noqa: ANN401
) -> set[str]:
    """Words with known sounds that a caller of this prompt is likely to say."""
    candidates = [word for word in dictionary if _WORD.fullmatch(word)]
    candidates.sort(key=lambda word: (-float(language_model.prob([word])), word))
    of_prompt = {word for word in _WORD.findall(prompt.lower()) if word in dictionary}
    return {*candidates[:FREQUENT], *of_prompt}
