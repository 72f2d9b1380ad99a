"""A call is served by its variant's revision, and by the agent's own where that is missing."""

from switchboard_agent.revisions.choice import choose
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata, VariantShare
from tests.agent.live.configs import agent_config

_OWN = agent_config()
_VARIANT = agent_config(greeting="Good day!").model_copy(update={"variant": "polite"})


class _Desk:
    """Holds some revisions and counts what was not there."""

    def __init__(self, *held: AgentConfig) -> None:
        self.held = {config.revision: config for config in held}
        self.fallbacks: list[tuple[str, str]] = []

    async def find(self, wanted: DispatchMetadata) -> AgentConfig | None:
        assert not wanted.variants
        return self.held.get(wanted.revision)

    def fell_back(self, served: AgentConfig, variant: str) -> None:
        self.fallbacks.append((served.revision, variant))

    async def served(self, weight: int) -> AgentConfig | None:
        share = VariantShare(name="polite", revision=_VARIANT.revision, weight=weight)
        dispatch = DispatchMetadata(agent=_OWN.key, revision=_OWN.revision, variants=[share])
        found = await choose(dispatch, "room-1", self.find, self.fell_back)
        if found is None:
            return None
        alone, config = found
        assert alone == DispatchMetadata(agent=_OWN.key, revision=config.revision)
        return config


async def test_the_variant_serves_its_share() -> None:
    desk = _Desk(_OWN, _VARIANT)
    assert await desk.served(100) == _VARIANT
    assert await desk.served(0) == _OWN
    assert desk.fallbacks == []


async def test_a_variant_that_is_not_there_costs_no_call_and_is_counted() -> None:
    desk = _Desk(_OWN)
    assert await desk.served(100) == _OWN
    assert desk.fallbacks == [(_OWN.revision, "polite")]


async def test_without_the_agents_own_revision_nobody_serves() -> None:
    desk = _Desk()
    assert await desk.served(100) is None
    assert desk.fallbacks == []
