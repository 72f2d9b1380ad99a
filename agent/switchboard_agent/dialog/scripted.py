"""One call's scripted dialog: the pure steps behind the engine's seam.

`respond` computes the next state and holds it back; `commit` adopts it. An answer that is thrown
away, because the caller went on talking, was never given.
"""

from collections.abc import Mapping
from dataclasses import replace

from typing_extensions import override

from switchboard_agent.dialog import course, english, steps
from switchboard_agent.dialog.base import CallerTurn, Dialog, Reply, bridge
from switchboard_agent.dialog.compiled import CompiledScript
from switchboard_agent.dialog.course import Step
from switchboard_agent.dialog.state import State, memory_of, state_from
from switchboard_agent.language.turn_words import dictation_of
from switchboard_agent.language.words import words_of
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.recovery import DialogMemory, ScriptMemory


class ScriptedDialog(Dialog):
    """A dialog that follows the script of an agent revision."""

    def __init__(self, config: AgentConfig, compiled: CompiledScript | None = None) -> None:
        """`compiled` saves some milliseconds where many calls share a revision."""
        if compiled is None:
            if config.script is None:
                raise ValueError(f"{config.key} has no script")
            compiled = CompiledScript(config.script, config.persona)
        self._script = compiled
        self._language = config.language
        self._reprompts = config.turn.no_input_reprompts
        self._state = course.idle(self._script, State())
        self._pending: Step | None = None
        self._bridge: Reply | None = None

    @override
    def greeting(self) -> Reply:
        if self._bridge is not None:
            return self._offer(Step(self._state, self._bridge))
        greeting = self._script.fill(self._script.script.greeting, {})
        return self._offer(course.speak(self._state, greeting))

    @override
    async def respond(self, turn: CallerTurn) -> Reply:
        return self._offer(steps.respond(self._script, self._state, turn))

    @override
    def commit(self, reply: Reply) -> None:
        if self._pending is not None and self._pending.reply == reply:
            self._state = self._pending.state
        self._pending = None

    @override
    def heard(self, text: str) -> None:
        """A script goes on, whatever of it was heard."""

    @override
    def keys_sent(self, keys: str) -> None:
        """A script goes on, whatever was pressed."""

    @override
    def no_input(self) -> Reply:
        return self._offer(course.nothing_said(self._script, self._state, self._reprompts))

    @override
    def is_complete(self, text: str) -> bool:
        words = words_of(text)
        if not words or words[-1] in english.UNFINISHED:
            return False
        asked = self._state.asked
        if asked:
            grammar = self._script.grammars[asked]
            found = grammar.find(words, asked=True)
            if found and grammar.combine(self._state.hints.get(asked, ""), found).precise:
                return True
        if dictation_of(self._language).is_open(text):
            return False
        return not any(grammar.is_open(words) for grammar in self._script.grammars.values())

    @property
    @override
    def memory(self) -> DialogMemory:
        return memory_of(self._state)

    @override
    def recall(self, memory: DialogMemory, cut: Reply) -> None:
        if not isinstance(memory, ScriptMemory):
            raise TypeError("a script cannot go on from the memory of a prompt")
        self._state = state_from(memory)
        leaving = cut.end_call or cut.transfer
        otherwise = self._state.said if leaving else self._state.question
        self._bridge = replace(cut, text=bridge(cut.text, otherwise))

    @property
    @override
    def slots(self) -> Mapping[str, str]:
        return self._state.values

    @property
    @override
    def result(self) -> str:
        return self._state.finished

    def _offer(self, step: Step) -> Reply:
        self._pending = step
        return step.reply
