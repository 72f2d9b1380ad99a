"""A script made ready for use: slot grammars, phrase index, texts with their values filled in."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from switchboard_agent.dialog import english
from switchboard_agent.dialog.matching import Control, PhraseForm, PhraseIndex
from switchboard_agent.dialog.slots.registry import grammar_of
from switchboard_agent.dialog.slots.yes_no import NO_PHRASES, YES_PHRASES
from switchboard_contract.crd.voice_agent import Persona
from switchboard_contract.dialog import Intent, Script

_BRACES: Final = re.compile(r"\{([A-Za-z0-9]+)\}")


class CompiledScript:
    """Everything that a dialog looks up; the same for all calls of a revision."""

    def __init__(self, script: Script, persona: Persona) -> None:
        self.script = script
        self.persona = persona
        self.grammars = {name: grammar_of(slot) for name, slot in script.slots.items()}
        self.intents: dict[str, Intent] = {intent.name: intent for intent in script.intents}
        self.index = PhraseIndex(list(_forms(script)))

    def label(self, slot: str) -> str:
        """What the caller calls a slot."""
        return self.script.slots[slot].label or self.grammars[slot].label

    def fill(self, text: str, values: Mapping[str, str]) -> str:
        """A text of the script with names and values in place; unknown values are left out."""

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in values:
                return self.grammars[name].say(values[name])
            return {"agent": self.persona.name, "business": self.persona.business}.get(name, "")

        return _BRACES.sub(value, text)


def _forms(script: Script) -> Iterator[PhraseForm]:
    for control, phrases in (
        (Control.YES, YES_PHRASES),
        (Control.NO, NO_PHRASES),
        (Control.REPEAT, english.REPEAT),
        (Control.HOLD, english.HOLD),
    ):
        for phrase in phrases:
            yield PhraseForm(control, tuple(phrase.split()))
    for intent in script.intents:
        for phrase in intent.phrases:
            yield PhraseForm(intent.name, tuple(phrase.split()))
