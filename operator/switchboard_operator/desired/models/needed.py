"""Which model servers calls would ask: those of the language models that some dialog uses.

An agent may ask for more (a server that another revision uses, or none yet): no call waits for it.
"""

from collections.abc import Iterable

from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.model_server import ModelServer
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.models.endpoint import endpoint
from switchboard_operator.desired.variants import compiled
from switchboard_operator.settings import Settings


def of_spec(inputs: AgentInputs, settings: Settings) -> list[ModelServer]:
    """Return the servers that the spec and its variants would ask."""
    configs = [inputs.config, *(variant.config for variant in compiled(inputs))]
    return of_configs(configs, inputs.spec.model_servers, settings)


def of_configs(
    configs: Iterable[AgentConfig], asks: Iterable[ModelServer], settings: Settings
) -> list[ModelServer]:
    """Return those of `asks` that the revisions name by their address."""
    asked = {llm.base_url for config in configs for llm in config.llm}
    return [ask for ask in asks if endpoint(ask, settings).base_url in asked]


def asks_nobody_else(configs: Iterable[AgentConfig], servers: Iterable[str]) -> bool:
    """Tell whether the revisions have language models, and all at one of these addresses."""
    asked = {llm.base_url for config in configs for llm in config.llm}
    return bool(asked) and asked <= set(servers)
