"""What a human is told of the caller whom they are about to speak with."""

import re
from collections.abc import Mapping
from typing import Final

from switchboard_agent.dialog.slots.registry import grammar_of
from switchboard_contract.agent_config import AgentConfig

_BRACES: Final = re.compile(r"\{([A-Za-z0-9]+)\}")
_BETWEEN_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")


def briefing_of(config: AgentConfig, text: str, slots: Mapping[str, str]) -> str:
    """`text` with names and values in place; sentences that name something unknown are left out.

    A sentence with a hole in it would tell the human something else.
    """
    known = {"agent": config.persona.name, "business": config.persona.business}
    known |= _spoken(config, slots)
    sentences = _BETWEEN_SENTENCES.split(text.strip())
    return " ".join(
        _BRACES.sub(lambda match: known[match.group(1)], sentence)
        for sentence in sentences
        if all(known.get(name) for name in _BRACES.findall(sentence))
    )


def _spoken(config: AgentConfig, slots: Mapping[str, str]) -> dict[str, str]:
    """Values as the dialog itself says them."""
    declared = config.script.slots if config.script is not None else {}
    return {
        name: grammar_of(declared[name]).say(value) if name in declared else value
        for name, value in slots.items()
    }
