"""What an agent says in the same words in every call."""

from switchboard_agent.dialog.base import Dialog
from switchboard_agent.dialog.excuses import GIVE_UP, excuse_of
from switchboard_agent.turn.of_agent import disclosure_of
from switchboard_contract.agent_config import AgentConfig


def fixed_phrases(config: AgentConfig, dialog: Dialog) -> list[str]:
    """The texts, most needed first; `dialog` is one of the agent's that has not begun."""
    fillers = config.turn.filler.phrases if config.turn.filler else []
    return [
        excuse_of(config),
        GIVE_UP,
        disclosure_of(config),
        dialog.greeting().text,
        *fillers,
    ]
