import math
from collections import defaultdict

import pytest

from switchboard_agent.stt.language_model import (
    END,
    START,
    Sentence,
    language_model,
    sentences,
    vocabulary,
)
from switchboard_contract.dialog import Flow, Intent, Script, Slot, SlotType
from tests.agent.dialog.sample import sample_script

_SMALL = Script(
    greeting="Hello.",
    slots={"day": Slot(type=SlotType.DAY, ask="Which day?")},
    intents=[Intent(name="book", phrases=["book a table", "a table on {day}"], flow="booking")],
    flows={"booking": Flow(collect=["day"], done="Done.")},
)
_HEARD = """
hello; yes please; no thank you; yes that is right; my name is sarah johnson;
this is michael brown; my name is david miller; next tuesday at three o'clock;
can i come on monday morning; my phone number is five five five one two three four;
nine zero two seven six eight one; actually no wednesday would be better;
i would like to cancel my appointment; can you repeat that please;
i want to speak to a person; that is all thank you goodbye; goodbye; that works for me;
that is perfect thank you; monday morning at nine; tuesday afternoon at two thirty;
the tenth of march; do you have anything on wednesday; is there anything earlier;
i have a broken tooth; do you take insurance; what are your opening hours;
where are you located; please send me a text message; one moment please; okay sounds good;
i would like to come in for a cleaning on friday morning;
hello i would like to book an appointment; thursday the fourteenth of june at ten thirty;
sorry i changed my mind friday afternoon please; i have a terrible toothache;
what time do you open on saturday; good morning; no that is wrong; friday at four;
i need to reschedule my appointment; let us make it thursday instead;
no wait make it monday at ten
"""


def heard_sentences() -> list[str]:
    """Sentences that the sample's callers say in the demo and in load tests."""
    return [" ".join(sentence.split()) for sentence in _HEARD.split(";")]


def _parse(arpa: str) -> dict[Sentence, tuple[float, float]]:
    """Probability and back-off weight (log10) of each n-gram."""
    grams: dict[Sentence, tuple[float, float]] = {}
    order = 0
    for line in arpa.splitlines():
        if line.endswith("-grams:"):
            order = int(line[1])
        elif order and line and not line.startswith("\\"):
            probability, *rest = line.split()
            backoff = float(rest[order]) if len(rest) > order else 0.0
            grams[tuple(rest[:order])] = (float(probability), backoff)
    return grams


def _log10(grams: dict[Sentence, tuple[float, float]], gram: Sentence) -> float:
    if gram in grams:
        return grams[gram][0]
    return grams.get(gram[:-1], (0.0, 0.0))[1] + _log10(grams, gram[1:])


def test_the_same_script_always_gives_the_same_model() -> None:
    script = sample_script()
    assert language_model(script) == language_model(script)


def test_probabilities_after_any_context_add_up_to_one() -> None:
    grams = _parse(language_model(_SMALL))
    words = [gram[0] for gram in grams if len(gram) == 1 and gram != (START,)]
    contexts = sorted({gram[:-1] for gram in grams if len(gram) > 1})
    for context in contexts[::9]:
        total = sum(10 ** _log10(grams, (*context, word)) for word in words)
        assert total == pytest.approx(1.0, abs=0.01), context


def test_the_header_counts_what_follows() -> None:
    arpa = language_model(_SMALL)
    counts: defaultdict[int, int] = defaultdict(int)
    for gram in _parse(arpa):
        counts[len(gram)] += 1
    for order, count in counts.items():
        assert f"ngram {order}={count}\n" in arpa


def test_phrases_are_far_likelier_than_their_words_in_another_order() -> None:
    grams = _parse(language_model(_SMALL))

    def likelihood(text: str) -> float:
        words = (START, START, *text.split(), END)
        return sum(_log10(grams, words[at - 2 : at + 1]) for at in range(2, len(words)))

    assert likelihood("book a table") > likelihood("table a book") + math.log10(1000)


def test_slots_stand_for_their_values() -> None:
    said = {" ".join(sentence) for sentence in sentences(_SMALL)}
    assert "book a table" in said
    assert any(text.startswith("a table on next") for text in said)
    assert not any("{" in text for text in said)


def test_the_sample_knows_every_word_its_callers_say() -> None:
    words = {word for sentence in heard_sentences() for word in sentence.split()}
    assert words <= set(vocabulary(sample_script()))
