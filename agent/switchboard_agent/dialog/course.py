"""Where a dialog goes next: ask for the next slot, read everything back, finish, or take a loss.

Every function takes a state and gives the next one with what is said; nothing is changed in place.
"""

from dataclasses import dataclass, replace
from typing import Final

from switchboard_agent.dialog.base import Reply
from switchboard_agent.dialog.compiled import CompiledScript
from switchboard_agent.dialog.slots.yes_no import YesNoGrammar
from switchboard_agent.dialog.state import Stage, State
from switchboard_contract.dialog import SlotType

_GIVE_UP_AFTER: Final = 3
"""Turns in a row that were not understood: the third ends the call."""
_GIVE_UP: Final = "I am sorry, I cannot understand you. Please call again later."
_KEPT: Final = frozenset((SlotType.PERSON_NAME, SlotType.PHONE_NUMBER))
"""What holds for the caller, not for one errand: kept when another flow begins."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next state, and what is said on the way to it."""

    state: State
    reply: Reply


def speak(
    state: State,
    text: str,
    *,
    end_call: bool = False,
    transfer: bool = False,
    keys: str | None = None,
    protected: bool = False,
) -> Step:
    """Say `text`; it is what "can you repeat that" repeats."""
    text = " ".join(text.split())
    reply = Reply(text, end_call=end_call, transfer=transfer, keys=keys or "", protected=protected)
    return Step(replace(state, said=text, silences=0), reply)


def understood(state: State) -> State:
    """The turn made sense: earlier failures are forgiven."""
    return replace(state, failures=0)


def begin(script: CompiledScript, state: State, flow: str) -> State:
    """The state at the start of a flow; its slots are still to be asked for."""
    values = dict(state.values)
    if state.finished and not state.flow:
        values = {
            slot: value for slot, value in values.items() if script.script.slots[slot].type in _KEPT
        }
    return replace(state, stage=Stage.ASKING, flow=flow, asked="", values=values)


def proceed(script: CompiledScript, state: State, prefix: str = "") -> Step:
    """The running flow's next question, its confirmation, or its end."""
    flow = script.script.flows[state.flow]
    for slot in flow.collect:
        if slot not in state.values:
            return ask(script, state, slot, prefix)
    if flow.confirm and state.stage is not Stage.CONFIRMING:
        return confirm(script, state, prefix)
    return finish(script, state, prefix)


def ask(script: CompiledScript, state: State, slot: str, prefix: str = "") -> Step:
    """Ask for one slot; half a phone number asks for the rest instead."""
    question = script.fill(script.script.slots[slot].ask, state.values)
    hint = state.hints.get(slot, "")
    rest = script.grammars[slot].follow_up(hint) if hint else None
    state = replace(state, stage=Stage.ASKING, asked=slot, question=question)
    return speak(state, f"{prefix} {rest or question}")


def confirm(script: CompiledScript, state: State, prefix: str = "") -> Step:
    """Read everything back and ask whether it is right."""
    flow = script.script.flows[state.flow]
    question = script.fill(flow.confirm or "", state.values)
    state = replace(state, stage=Stage.CONFIRMING, asked="", question=question)
    return speak(state, f"{prefix} {question}")


def finish(script: CompiledScript, state: State, prefix: str = "") -> Step:
    """The flow is complete."""
    flow = script.script.flows[state.flow]
    done = script.fill(flow.done, state.values)
    state = replace(idle(script, state), finished=state.flow, hints={})
    said = f"{prefix} {done}"
    return speak(
        state,
        said,
        end_call=flow.hang_up,
        transfer=flow.transfer,
        keys=flow.keys,
        protected=flow.protected,
    )


def idle(script: CompiledScript, state: State) -> State:
    """No flow is running."""
    question = script.fill(script.script.ask, state.values)
    return replace(state, stage=Stage.IDLE, flow="", asked="", question=question)


def change(script: CompiledScript, state: State) -> Step:
    """Ask which value is wrong."""
    labels = [f"the {script.label(slot)}" for slot in script.script.flows[state.flow].collect]
    listed = " or ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)
    question = f"What would you like to change: {listed}?"
    return speak(replace(state, stage=Stage.CHANGING, question=question), question)


def not_understood(script: CompiledScript, state: State) -> Step:
    """First ask again, then help, then give up."""
    state = replace(state, failures=state.failures + 1)
    if state.failures >= _GIVE_UP_AFTER:
        return speak(state, f"{_GIVE_UP} {_goodbye(script, state)}", end_call=True)
    sorry = script.fill(script.script.not_understood, state.values)
    again = _help(script, state) if state.failures > 1 else _again(script, state)
    return speak(state, f"{sorry} {again}")


def nothing_said(script: CompiledScript, state: State, reprompts: int = 2) -> Step:
    """The caller is silent; after so many questions in a row, say goodbye."""
    silences = state.silences + 1
    if silences > reprompts:
        step = speak(state, _goodbye(script, state), end_call=True)
    else:
        called = script.fill(script.script.no_input, state.values)
        step = speak(state, f"{called} {state.question}")
    return Step(replace(step.state, silences=silences), step.reply)


def goodbye(
    script: CompiledScript,
    state: State,
    prefix: str = "",
    *,
    keys: str | None = None,
    protected: bool = False,
) -> Step:
    """End the call."""
    said = f"{prefix} {_goodbye(script, state)}"
    return speak(state, said, end_call=True, keys=keys, protected=protected)


def _goodbye(script: CompiledScript, state: State) -> str:
    return script.fill(script.script.goodbye, state.values)


def _again(script: CompiledScript, state: State) -> str:
    slot = script.script.slots.get(state.asked)
    if slot is None or slot.ask_again is None:
        return state.question
    return script.fill(slot.ask_again, state.values)


def _help(script: CompiledScript, state: State) -> str:
    """What can be said, and which keys do the same."""
    if state.stage is Stage.IDLE:
        return script.fill(script.script.help or "", state.values) or state.question
    if state.stage is Stage.CONFIRMING:
        return f"{state.question} {YesNoGrammar().key_hint}"
    keys = script.grammars[state.asked].key_hint if state.asked else None
    return f"{_again(script, state)} {keys or ''}"
