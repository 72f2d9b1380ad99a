"""From an agent revision to the dialog of one call."""

from collections.abc import Callable

from switchboard_agent.dialog.base import Dialog
from switchboard_agent.dialog.prompted import PromptedDialog
from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.llm.models import LanguageModels
from switchboard_contract.agent_config import AgentConfig


def dialog_maker(models: LanguageModels) -> Callable[[AgentConfig], Dialog]:
    """What makes a dialog for each call."""

    def make(config: AgentConfig) -> Dialog:
        if config.prompt is None:
            return ScriptedDialog(config)
        chain = models.chain(config)
        on_fallback = models.fallback_counter(config)
        return PromptedDialog(
            config.prompt,
            config.persona,
            chain,
            on_fallback,
            language=config.language,
            reprompts=config.turn.no_input_reprompts,
            may_transfer=config.transfer is not None,
        )

    return make
