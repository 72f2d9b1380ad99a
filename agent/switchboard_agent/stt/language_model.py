"""A trigram language model from a script: what callers of this agent are likely to say.

A recogniser that knows the script's words and their order hears a telephone caller several times
better than one with a dictation model, in a quarter of the time. The script's phrases and its slot
types' ways of saying values are expanded to sentences, always the same ones for the same script,
and their word triples are counted. Absolute discounting keeps some probability for orders that no
sentence shows. The result is text in ARPA format, which every recogniser reads.
"""

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from switchboard_agent.dialog import english
from switchboard_agent.dialog.slots.base import SlotGrammar
from switchboard_agent.dialog.slots.registry import grammar_of
from switchboard_agent.dialog.slots.yes_no import NO_PHRASES, YES_PHRASES
from switchboard_agent.language import english as turn_words
from switchboard_contract.dialog import Script, SlotType

Sentence = tuple[str, ...]
Counts = dict[Sentence, float]

START: Final = "<s>"
END: Final = "</s>"
_SLOT: Final = re.compile(r"\{([A-Za-z0-9]+)\}")
_SAMPLES: Final = 200
"""Sentences that stand for one phrase form with slots."""
_WEIGHT: Final = 200.0
"""Times that every phrase form counts, however many sentences stand for it."""
_CORRECTION_SHARE: Final = 0.1
"""Weight of one kind of correction; there are many kinds."""
_DISCOUNT: Final = 0.6
"""Taken from each count above the first order and given to unseen words."""
_OVERLAP_SHARE: Final = 0.5
"""Words over the agent's voice, "uh-huh" and "stop": a model that lacks them hears others."""
_GREETED_SHARE: Final = 0.1
"""Callers who say hello before they say what they want."""
_ORDERS: Final = 3
_NEVER: Final = -99.0
"""log10 probability of what cannot be predicted: the start of a sentence."""


@dataclass(frozen=True, slots=True)
class Form:
    """A phrase with slots in braces, and how often it counts."""

    text: str
    weight: float = _WEIGHT


def language_model(script: Script) -> str:
    """The script's language model in ARPA format."""
    return to_arpa(count(sentences(script)))


def vocabulary(script: Script) -> list[str]:
    """Every word that a caller of this script may say, sorted."""
    return sorted({word for sentence in sentences(script) for word in sentence})


def sentences(script: Script) -> Counts:
    """What callers say, with weights."""
    grammars = {name: grammar_of(slot) for name, slot in script.slots.items()}
    examples = {name: list(grammar.examples()) for name, grammar in grammars.items()}
    draw = random.Random(0)  # noqa: S311  the same script must always give the same model
    counts: Counts = defaultdict(float)
    for form in _forms(script, grammars):
        parts = _SLOT.split(form.text)
        samples = _SAMPLES if len(parts) > 1 else 1
        for _ in range(samples):
            parts_filled = [
                draw.choice(examples[part]) if index % 2 else part
                for index, part in enumerate(parts)
            ]
            counts[tuple("".join(parts_filled).split())] += form.weight / samples
    return dict(counts)


def _forms(script: Script, grammars: Mapping[str, SlotGrammar]) -> Iterator[Form]:
    for intent in script.intents:
        for phrase in intent.phrases:
            yield Form(phrase)
            yield Form(f"hello {phrase}", _WEIGHT * _GREETED_SHARE)
    for phrase in (*YES_PHRASES, *NO_PHRASES, *english.REPEAT, *english.HOLD):
        yield Form(phrase)
    for word in (*turn_words.BACKCHANNELS_HEARD, *turn_words.INTERRUPTIONS_HEARD):
        yield Form(word, _WEIGHT * _OVERLAP_SHARE)
    for name, grammar in grammars.items():
        for answer in (*grammar.answers, *script.slots[name].phrases):
            yield Form(answer.replace("{}", f"{{{name}}}"))
        label = script.slots[name].label or grammar.label
        yield Form(f"the {label}")
        yield Form(f"the {label} is wrong")
    values = [f"{{{name}}}" for name in grammars]
    for day, time in _pairs(script):
        yield Form(f"{day} {time}")
        yield Form(f"{day} {time} please")
        values.append(f"{day} {time}")
    for value in values:
        for lead in english.CORRECTION_LEADS:
            for correction in english.CORRECTIONS:
                text = correction.format(lead=lead, value=value)
                yield Form(text, _WEIGHT * _CORRECTION_SHARE)


def _pairs(script: Script) -> list[tuple[str, str]]:
    """Days and times asked for in one flow: callers say both in one breath."""
    pairs: dict[tuple[str, str], None] = {}
    for flow in script.flows.values():
        for day in flow.collect:
            for time in flow.collect:
                types = (script.slots[day].type, script.slots[time].type)
                if types == (SlotType.DAY, SlotType.TIME):
                    pairs[f"{{{day}}}", f"{{{time}}}"] = None
    return list(pairs)


def count(weighted: Counts) -> list[Counts]:
    """Weights of single words, pairs and triples, in this order."""
    counts: list[Counts] = [defaultdict(float) for _ in range(_ORDERS)]
    for sentence, weight in weighted.items():
        words = (START, *sentence, END)
        for order in range(1, _ORDERS + 1):
            table = counts[order - 1]
            for at in range(len(words) - order + 1):
                table[words[at : at + order]] += weight
    return counts


def to_arpa(counts: list[Counts]) -> str:
    """Back-off probabilities with absolute discounting, as ARPA text."""
    probabilities = [_unigrams(counts[0])]
    backoffs: list[dict[Sentence, float]] = []
    for order in range(1, _ORDERS):
        table, backoff = _discounted(counts[order], probabilities[-1])
        probabilities.append(table)
        backoffs.append(backoff)
    lines = ["\\data\\", *(f"ngram {n}={len(p)}" for n, p in enumerate(probabilities, 1))]
    for order, table in enumerate(probabilities, 1):
        lines += ["", f"\\{order}-grams:"]
        own = backoffs[order - 1] if order < _ORDERS else {}
        for gram in sorted(table):
            line = f"{_log(table[gram]):.4f} {' '.join(gram)}"
            lines.append(f"{line} {_log(own[gram]):.4f}" if gram in own else line)
    return "\n".join([*lines, "", "\\end\\", ""])


def _unigrams(counts: Counts) -> dict[Sentence, float]:
    total = sum(counts.values()) - counts[START,]
    return {gram: 0.0 if gram == (START,) else c / total for gram, c in counts.items()}


def _discounted(
    counts: Counts, lower: Mapping[Sentence, float]
) -> tuple[dict[Sentence, float], dict[Sentence, float]]:
    """Probabilities of one order, and the back-off weight of each of its contexts."""
    totals: Counts = defaultdict(float)
    freed: Counts = defaultdict(float)
    covered: Counts = defaultdict(float)
    for gram, weight in counts.items():
        context = gram[:-1]
        totals[context] += weight
        freed[context] += _taken(weight)
        covered[context] += lower[gram[1:]]
    table = {gram: (weight - _taken(weight)) / totals[gram[:-1]] for gram, weight in counts.items()}
    backoff = {
        context: freed[context] / total / max(1.0 - covered[context], 1e-9)
        for context, total in totals.items()
    }
    return table, backoff


def _taken(weight: float) -> float:
    """The discount; rare phrases weigh less than one sentence and keep half."""
    return min(_DISCOUNT, weight / 2)


def _log(probability: float) -> float:
    return math.log10(probability) if probability > 0.0 else _NEVER
