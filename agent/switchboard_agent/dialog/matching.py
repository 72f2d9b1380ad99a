"""Which of a script's phrases an utterance means.

Words that many phrases share say little ("i would like to"), rare ones much ("cancel"), so words
weigh by how few phrases have them. A phrase matches when most of its weight is found in the
utterance in the same order: polite words and a misheard one do no harm. Only the phrases that share
most with the utterance are compared in full, so that a large script costs little more than a small
one.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_ENOUGH: Final = 0.55
"""Share of a phrase's weight that must be heard."""
_MOSTLY: Final = 0.4
"""Share of the utterance's weight that the phrase must explain."""
_COMPARED: Final = 16
"""Phrases compared word by word, best candidates first."""

_LOOKED_AT: Final = 2000
"""Phrases touched in search of candidates, those with the rarest words first: under 2 ms."""


class Control(StrEnum):
    """Phrases that every script understands."""

    YES = "yes"
    NO = "no"
    REPEAT = "repeat"
    HOLD = "hold"


Target = Control | str
"""What a phrase means: a control, or the name of an intent."""


@dataclass(frozen=True, slots=True)
class PhraseForm:
    """One phrase; slots stand as `{name}`."""

    target: Target
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The phrase that an utterance means."""

    target: Target
    share: float
    """How much of the utterance it explains, 0 to 1."""


class PhraseIndex:
    """All phrases of a script, ready to be compared."""

    def __init__(self, forms: Sequence[PhraseForm]) -> None:
        self._forms = tuple(forms)
        holders: Counter[str] = Counter()
        self._with: defaultdict[str, list[int]] = defaultdict(list)
        for index, form in enumerate(self._forms):
            for token in set(form.tokens):
                holders[token] += 1
                self._with[token].append(index)
        self._unknown = math.log(2 + len(self._forms))
        self._weights = {
            token: math.log(1 + len(self._forms) / count) for token, count in holders.items()
        }
        self._totals = [self._weight(form.tokens) for form in self._forms]

    def match(self, tokens: Sequence[str]) -> Match | None:
        """The phrase meant by an utterance; None if none is near enough."""
        spoken = self._weight(tokens)
        best: tuple[float, float] = (0.0, 0.0)
        found: Match | None = None
        for index in self._candidates(tokens):
            form = self._forms[index]
            common = self._common(form.tokens, tokens)
            covered, share = common / self._totals[index], common / spoken
            if covered >= _ENOUGH and share >= _MOSTLY and (rank := (share, covered)) > best:
                best, found = rank, Match(form.target, min(share, 1.0))
        return found

    def _candidates(self, tokens: Sequence[str]) -> list[int]:
        overlap: defaultdict[int, float] = defaultdict(float)
        looked_at = 0
        for token in sorted(set(tokens), key=lambda token: len(self._with.get(token, ()))):
            holders = self._with.get(token, [])
            looked_at += len(holders)
            if looked_at > _LOOKED_AT and overlap:
                break
            for index in holders[:_LOOKED_AT]:
                overlap[index] += self._weights[token]
        return heapq.nlargest(
            _COMPARED, overlap, key=lambda index: (overlap[index] / self._totals[index], -index)
        )

    def _weight(self, tokens: Sequence[str]) -> float:
        return sum(self._weights.get(token, self._unknown) for token in tokens) or 1.0

    def _common(self, phrase: Sequence[str], spoken: Sequence[str]) -> float:
        """Weight of the heaviest common subsequence."""
        previous = [0.0] * (len(spoken) + 1)
        for token in phrase:
            row = [0.0]
            weight = self._weights[token]
            for at, other in enumerate(spoken):
                matched = previous[at] + weight if token == other else 0.0
                row.append(max(matched, previous[at + 1], row[at]))
            previous = row
        return previous[-1]
