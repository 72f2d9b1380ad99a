"""What is said in place of a reply that the agent cannot give."""

from typing import Final

from switchboard_agent.dialog.base import Reply
from switchboard_contract.agent_config import AgentConfig

GIVE_UP_AFTER: Final = 3
"""Excuses in a row: the third ends the call."""
GIVE_UP: Final = "I am sorry, I cannot help you right now. Please call again later. Goodbye."
_AGAIN: Final = "Sorry, something went wrong. Could you say that again?"


def excuse_of(config: AgentConfig) -> str:
    """How an agent says that something went wrong."""
    return _AGAIN if config.prompt is None else config.prompt.fallback


def excuse(said: str, failures: int) -> Reply:
    """The excuse `said`, or the last one; `failures` in a row, this one counted."""
    return Reply(GIVE_UP, end_call=True) if failures >= GIVE_UP_AFTER else Reply(said)
