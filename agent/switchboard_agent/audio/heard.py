"""Which words of a reply the caller has heard, told from the samples played.

A synthesiser that gives no word times still speaks at a steady rate, so a word's share of the audio
is taken to be its share of the text. A word counts once most of it has been played: a conversation
in which the agent believes it has said what nobody heard goes wrong in ways nobody understands.
"""

_SPACE = 1
_PAUSE_AFTER = {",": 3, ";": 4, ":": 4, ".": 5, "!": 5, "?": 5}
"""Punctuation is spoken as silence; in letters."""
_MOSTLY = 0.5


def heard_words(text: str, played_samples: int, total_samples: int) -> str:
    """The words of `text` heard when `played_samples` of `total_samples` have been played."""
    words = text.split()
    if not words or played_samples <= 0:
        return ""
    if played_samples >= total_samples:
        return " ".join(words)
    weights = [_weight(word) for word in words]
    weights[-1] = len(words[-1])
    reached = played_samples * sum(weights) / total_samples  # exact where a word's middle is met
    heard, at = 0, 0.0
    for word, weight in zip(words, weights, strict=True):
        if at + len(word) * _MOSTLY > reached:
            break
        at += weight
        heard += 1
    return " ".join(words[:heard])


def _weight(word: str) -> float:
    return len(word) + _SPACE + _PAUSE_AFTER.get(word[-1], 0)
