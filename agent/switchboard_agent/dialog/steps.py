"""What a turn leads to: rules tried in order, the first that applies answers.

The order is the design: "can you repeat that" and questions of fact come before values, values
before yes and no ("actually no wednesday would be better" is a correction, not a no).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from switchboard_agent.dialog import course
from switchboard_agent.dialog.base import CallerTurn, Reply
from switchboard_agent.dialog.compiled import CompiledScript
from switchboard_agent.dialog.course import Step
from switchboard_agent.dialog.matching import Control
from switchboard_agent.dialog.slots.base import Found
from switchboard_agent.dialog.slots.yes_no import NO, YES
from switchboard_agent.dialog.state import Stage, State
from switchboard_agent.dialog.understanding import Heard, understand
from switchboard_contract.dialog import Intent, SlotType

Rule = Callable[[CompiledScript, State, Heard], Step | None]

_SURE: Final = 0.6
"""Share of the words that a question of fact must explain to count although values were heard."""


def respond(script: CompiledScript, state: State, turn: CallerTurn) -> Step:
    """The answer to one turn. Total: any words lead to some answer."""
    heard = understand(script, state, turn)
    if heard.words:
        for rule in _RULES:
            step = rule(script, state, heard)
            if step is not None:
                return step
    return course.not_understood(script, state)


def _repeat(_script: CompiledScript, state: State, heard: Heard) -> Step | None:
    if heard.match is None or heard.match.target is not Control.REPEAT or heard.values:
        return None
    return Step(replace(course.understood(state), silences=0), Reply(state.said or state.question))


def _hold(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    if heard.match is None or heard.match.target is not Control.HOLD or heard.values:
        return None
    said = script.fill(script.script.hold, state.values)
    return Step(replace(course.understood(state), silences=0), Reply(said, hold=True))


def _inform(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    """A question of fact, a farewell, a wish for a human, a menu: answer, go on where we were."""
    intent = _intent(script, heard)
    if intent is None or intent.flow is not None or heard.match is None:
        return None
    if _wanted(script, state, heard) and heard.match.share < _SURE:
        return None
    state = course.understood(state)
    said = script.fill(intent.say or "", state.values)
    if intent.hang_up:
        return course.goodbye(script, state, said, keys=intent.keys, protected=intent.protected)
    if state.stage is Stage.IDLE:
        state = course.idle(script, state)
    if intent.transfer or intent.keys:
        return course.speak(
            state, said, transfer=intent.transfer, keys=intent.keys, protected=intent.protected
        )
    return course.speak(state, f"{said} {state.question}", protected=intent.protected)


def _start(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    """A wish that begins a flow, with whatever values came with it."""
    intent = _intent(script, heard)
    if intent is None or intent.flow is None or intent.flow == state.flow:
        return None
    begun = course.begin(script, course.understood(state), intent.flow)
    begun, _ = _learn(script, begun, _wanted(script, begun, heard))
    step = course.proceed(script, begun, script.fill(intent.say or "", begun.values))
    return replace(step, reply=replace(step.reply, protected=True)) if intent.protected else step


def _take(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    """Values for the running flow, new or corrected."""
    wanted = _wanted(script, state, heard)
    if not state.flow or not wanted:
        return None
    learned, changed = _learn(script, course.understood(state), wanted)
    if state.stage is not Stage.ASKING or state.asked in changed:
        changed = {}
    prefix = f"Okay, {', '.join(changed.values())}." if changed else ""
    return course.proceed(script, replace(learned, stage=Stage.ASKING), prefix)


def _reopen(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    """Values outside a flow: correct the one just finished, or begin the first that wants them."""
    if state.flow or not heard.values:
        return None
    flows = [state.finished] if state.finished else list(script.script.flows)
    errand = {slot for slot in heard.values if _type(script, slot) is not SlotType.PERSON_NAME}
    for name in flows:
        if errand and errand <= set(script.script.flows[name].collect):
            begun = replace(course.understood(state), stage=Stage.ASKING, flow=name)
            learned, _ = _learn(script, begun, heard.values)
            return course.proceed(script, learned)
    if errand:
        return None
    learned, _ = _learn(script, course.understood(state), heard.values)
    return course.speak(learned, state.question or script.fill(script.script.ask, {}))


def _name_change(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    """Ask again for a slot that was called wrong: "the time is wrong"."""
    if state.stage not in (Stage.CONFIRMING, Stage.CHANGING) or not heard.label:
        return None
    values = {slot: value for slot, value in state.values.items() if slot != heard.label}
    hints = {slot: hint for slot, hint in state.hints.items() if slot != heard.label}
    state = replace(course.understood(state), values=values, hints=hints)
    return course.ask(script, state, heard.label)


def _confirm(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    if state.stage is not Stage.CONFIRMING or not heard.answer:
        return None
    state = course.understood(state)
    if heard.answer == YES:
        return course.finish(script, state)
    return course.change(script, state)


def _small_talk(script: CompiledScript, state: State, heard: Heard) -> Step | None:
    """Yes or no to "is there anything else"."""
    if state.stage is not Stage.IDLE or not heard.answer:
        return None
    state = course.understood(state)
    if heard.answer == NO:
        return course.goodbye(script, state)
    state = course.idle(script, state)
    return course.speak(state, state.question)


_RULES: Final[tuple[Rule, ...]] = (
    _repeat,
    _hold,
    _inform,
    _start,
    _take,
    _reopen,
    _name_change,
    _confirm,
    _small_talk,
)


def _intent(script: CompiledScript, heard: Heard) -> Intent | None:
    if heard.match is None or isinstance(heard.match.target, Control):
        return None
    return script.intents[heard.match.target]


def _type(script: CompiledScript, slot: str) -> SlotType:
    return script.script.slots[slot].type


def _wanted(script: CompiledScript, state: State, heard: Heard) -> Mapping[str, Found]:
    """Values that the running flow collects."""
    flow = script.script.flows.get(state.flow)
    collect = set(flow.collect) if flow else set()
    return {slot: found for slot, found in heard.values.items() if slot in collect}


def _learn(
    script: CompiledScript, state: State, found: Mapping[str, Found]
) -> tuple[State, dict[str, str]]:
    """The state with new values and hints, and how the values that changed are read back."""
    values, hints = dict(state.values), dict(state.hints)
    changed: dict[str, str] = {}
    for slot, value in found.items():
        grammar = script.grammars[slot]
        if value.precise:
            if values.get(slot, value.value) != value.value:
                changed[slot] = grammar.say(value.value)
            values[slot] = value.value
            hints.pop(slot, None)
        elif slot not in values or not grammar.agrees(values[slot], value.value):
            values.pop(slot, None)
            hints[slot] = value.value
    return replace(state, values=values, hints=hints), changed
