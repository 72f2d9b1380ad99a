"""A revision is served once it is ready, and only while it exists."""

import pytest

from switchboard_agent.revisions.store import RevisionStore
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata, revision_of
from tests.agent.live.configs import agent_config


class Providers:
    """Counts what is prepared; can fail."""

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.broken = False

    async def prepare(self, config: AgentConfig) -> None:
        if self.broken:
            raise RuntimeError("no such voice")
        self.prepared.append(config.revision)


def wanted(config: AgentConfig) -> DispatchMetadata:
    return DispatchMetadata(agent=config.key, revision=config.revision)


async def test_revision_is_prepared_once_and_found_by_agent_and_revision() -> None:
    providers, config = Providers(), agent_config()
    store = RevisionStore(providers.prepare)
    await store.put("a", config.to_json())
    await store.put("b", config.to_json())

    assert store.get(wanted(config)) == config
    assert providers.prepared == [config.revision]
    assert store.get(DispatchMetadata(agent=config.key, revision="other")) is None


async def test_two_revisions_are_held_side_by_side() -> None:
    store = RevisionStore(Providers().prepare)
    old, new = agent_config(greeting="Hello."), agent_config(greeting="Hi.")
    await store.put("old", old.to_json())
    await store.put("new", new.to_json())
    assert store.get(wanted(old)) == old
    assert store.get(wanted(new)) == new


async def test_deleted_revision_is_forgotten() -> None:
    store = RevisionStore(Providers().prepare)
    config = agent_config()
    await store.put("a", config.to_json())
    store.drop("a")
    store.drop("a")
    assert store.get(wanted(config)) is None
    assert not store.ready


async def test_invalid_revision_is_logged_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    store = RevisionStore(Providers().prepare)
    await store.put("a", '{"namespace": "x"}')
    assert not store.ready
    assert "tenant: Field required" in caplog.text


async def test_revision_that_could_not_be_prepared_is_tried_again() -> None:
    providers, config = Providers(), agent_config()
    providers.broken = True
    store = RevisionStore(providers.prepare)
    await store.put("a", config.to_json())
    assert store.get(wanted(config)) is None

    providers.broken = False
    await store.retry()
    assert store.get(wanted(config)) == config


async def test_a_revision_keeps_its_name_when_the_schema_has_grown_since() -> None:
    """Kept ones of an older operator lack fields that this worker knows; a pin names them still."""
    store = RevisionStore(Providers().prepare)
    config = agent_config()
    older = config.model_dump_json(by_alias=True, exclude={"variant"})
    await store.put("a", older)
    dispatch = DispatchMetadata(agent=config.key, revision=revision_of(older))
    assert store.get(dispatch) == config
    store.drop("a")
    assert store.get(dispatch) is None
