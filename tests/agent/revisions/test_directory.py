"""Revisions as files."""

from pathlib import Path

from switchboard_agent.revisions.directory import DirectoryRevisions
from switchboard_agent.revisions.store import RevisionStore
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from tests.agent.live.configs import agent_config


async def prepare(_: AgentConfig) -> None:
    """Nothing to warm."""


def wanted(config: AgentConfig) -> DispatchMetadata:
    return DispatchMetadata(agent=config.key, revision=config.revision)


async def test_files_come_change_and_go(tmp_path: Path) -> None:
    store, source = RevisionStore(prepare), DirectoryRevisions(tmp_path)
    old, new = agent_config(greeting="Hello."), agent_config(greeting="Hello there.")
    file = tmp_path / "reception.json"

    file.write_text(old.to_json())
    await source.scan(store)
    assert store.get(wanted(old)) == old

    file.write_text(new.to_json())
    await source.scan(store)
    assert store.get(wanted(old)) is None
    assert store.get(wanted(new)) == new

    file.unlink()
    await source.scan(store)
    assert not store.ready


async def test_missing_directory_and_foreign_files_are_no_error(tmp_path: Path) -> None:
    store = RevisionStore(prepare)
    await DirectoryRevisions(tmp_path / "none").scan(store)
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    await DirectoryRevisions(tmp_path).scan(store)
    assert not store.ready


async def test_call_for_a_file_just_written_finds_it(tmp_path: Path) -> None:
    store, source, config = RevisionStore(prepare), DirectoryRevisions(tmp_path), agent_config()
    (tmp_path / "reception.json").write_text(config.to_json())
    await source.fetch(wanted(config), store)
    assert store.get(wanted(config)) == config
