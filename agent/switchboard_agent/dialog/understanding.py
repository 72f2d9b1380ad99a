"""From the words of a turn to what they mean here: values, a wish, yes or no, a slot's name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from switchboard_agent.dialog.base import CallerTurn
from switchboard_agent.dialog.compiled import CompiledScript
from switchboard_agent.dialog.matching import Control, Match
from switchboard_agent.dialog.slots.base import Found, take
from switchboard_agent.dialog.slots.yes_no import YesNoGrammar, yes_or_no
from switchboard_agent.dialog.state import Stage, State
from switchboard_agent.language.words import words_of
from switchboard_contract.dialog import SlotType

_REPEAT_KEY: Final = "*"
_WHOLE: Final = 0.99
"""Share of the words from which a phrase is all that was said, so no value is looked for in it:
the one in "one moment please" is no time.
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """The meaning of one turn."""

    words: tuple[str, ...] = ()
    values: Mapping[str, Found] = field(default_factory=dict)
    """By slot; imprecise ones too."""
    match: Match | None = None
    answer: str = ""
    """`yes` or `no` by its telling words; empty if neither."""
    label: str = ""
    """A slot that was called by its name."""


def understand(script: CompiledScript, state: State, turn: CallerTurn) -> Heard:
    """What the caller means, given what was asked."""
    if turn.dtmf:
        keyed = _keyed(script, state, turn.dtmf)
        if keyed is not None:
            return keyed
    words = words_of(turn.text)
    if not words:
        return Heard()
    whole = script.index.match(words)
    if whole is not None and whole.share >= _WHOLE:
        return Heard(words=words, match=whole, answer=_answer(words))
    values: dict[str, Found] = {}
    left, tokens = list(words), list(words)
    for slot, found in _values(script, state, left):
        values[slot] = found
        tokens[found.start : found.end] = [f"{{{slot}}}", *[""] * (found.end - found.start - 1)]
    return Heard(
        words=words,
        values=values,
        match=script.index.match([token for token in tokens if token]),
        answer=_answer(left),
        label=_label(script, state, left),
    )


def _values(script: CompiledScript, state: State, left: list[str]) -> Iterator[tuple[str, Found]]:
    """Values of all slots; takes their words out of `left`.

    A half answer to the question is looked for last: in "friday at four" the four is a time, even
    if a phone number was asked for.
    """
    order = list(_in_order(script, state))
    half = _find(script, state, state.asked, left) if state.asked else None
    if half is not None and not half.precise:
        order = [*order[1:], state.asked]
    for slot in order:
        found = _find(script, state, slot, left)
        if found is None:
            continue
        left[found.start : found.end] = [""] * (found.end - found.start)
        yield slot, found


def _find(script: CompiledScript, state: State, slot: str, left: list[str]) -> Found | None:
    grammar = script.grammars[slot]
    found = grammar.find(left, asked=slot == state.asked)
    if found is not None and slot in state.hints:
        return grammar.combine(state.hints[slot], found)
    return found


def _in_order(script: CompiledScript, state: State) -> Iterator[str]:
    """The slot asked for, then the running flow's, then others whose type is not taken yet."""
    flow = script.script.flows.get(state.flow or state.finished)
    first = [state.asked] if state.asked else []
    order = dict.fromkeys([*first, *(flow.collect if flow else ()), *script.script.slots])
    taken: set[SlotType] = set()
    for slot in order:
        kind = script.script.slots[slot].type
        if kind not in taken or kind is SlotType.CHOICE:
            yield slot
        taken.add(kind)


def _answer(words: Sequence[str]) -> str:
    found = yes_or_no(words)
    return found.value if found else ""


def _label(script: CompiledScript, state: State, words: list[str]) -> str:
    flow = script.script.flows.get(state.flow)
    for slot in flow.collect if flow else ():
        if any(take(words, at, (script.label(slot),)) > at for at in range(len(words))):
            return slot
    return ""


def _keyed(script: CompiledScript, state: State, keys: str) -> Heard | None:
    if keys == _REPEAT_KEY:
        return Heard(words=(keys,), match=Match(Control.REPEAT, 1.0))
    if state.stage is Stage.CONFIRMING:
        answer = YesNoGrammar().from_keys(keys)
        return Heard(words=(keys,), answer=answer) if answer else None
    if not state.asked:
        return None
    grammar = script.grammars[state.asked]
    value = grammar.from_keys(keys)
    if value is not None:
        return Heard(words=(keys,), values={state.asked: Found(value, 0, 1)})
    found = _find(script, state, state.asked, [key for key in keys if key.isdecimal()])
    return Heard(words=(keys,), values={state.asked: found}) if found else None
