"""The watch of agent revisions: follows changes, survives what API servers do to watches."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from switchboard_agent.revisions.kubernetes import KubernetesAccess, KubernetesRevisions
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.worker.backoff import Backoff
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.names import LINE_KEY
from tests.agent.live.configs import agent_config
from tests.agent.revisions.fake_api import NAMESPACE, POOL, FakeApi, fake_api
from tests.agent.revisions.test_lines import line

OLD = agent_config(greeting="Hello.")
NEW = agent_config(greeting="Hi.")


async def prepare(_: AgentConfig) -> None:
    """Nothing to warm."""


def wanted(config: AgentConfig) -> DispatchMetadata:
    return DispatchMetadata(agent=config.key, revision=config.revision)


class Watched:
    """A store fed by a watch of a fake API server."""

    def __init__(self, api: FakeApi, source: KubernetesRevisions) -> None:
        self.api = api
        self.source = source
        self.store = RevisionStore(prepare)

    def has(self, config: AgentConfig) -> bool:
        return self.store.get(wanted(config)) is not None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 what comes over a socket sets no event
            await asyncio.sleep(0.001)


@pytest.fixture
def access(tmp_path: Path) -> Callable[[str], KubernetesAccess]:
    token = tmp_path / "token"
    token.write_text("token-1\n")
    return lambda url: KubernetesAccess(url=url, token_file=token)


@pytest.fixture
async def idle(access: Callable[[str], KubernetesAccess]) -> AsyncIterator[Watched]:
    async with fake_api() as (api, url):
        yield Watched(
            api,
            KubernetesRevisions(
                access(url),
                namespace=NAMESPACE,
                pool=POOL,
                backoff=Backoff(first_seconds=0.001, last_seconds=0.01),
            ),
        )


@contextlib.asynccontextmanager
async def watching(watched: Watched) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watched.source.run(watched.store))
        try:
            yield
        finally:
            task.cancel()


async def test_what_is_there_is_listed_and_what_comes_and_goes_is_followed(idle: Watched) -> None:
    await idle.api.put(OLD)
    async with watching(idle):
        await idle.api.wait_for_watches(1)
        assert idle.has(OLD)
        await idle.api.put(NEW)
        await until(lambda: idle.has(NEW))
        await idle.api.delete(OLD)
        await until(lambda: not idle.has(OLD))
    assert idle.api.lists == 1


async def test_ended_watch_goes_on_from_the_last_version_without_a_new_list(idle: Watched) -> None:
    async with watching(idle):
        await idle.api.wait_for_watches(1)
        await idle.api.put(OLD)
        await until(lambda: idle.has(OLD))
        await idle.api.end_watches()
        await idle.api.wait_for_watches(2)
    assert idle.api.watches == ["1", "2"]
    assert idle.api.lists == 1


async def test_bookmark_moves_the_version_to_resume_from(idle: Watched) -> None:
    async with watching(idle):
        await idle.api.wait_for_watches(1)
        await idle.api.send("BOOKMARK", {"metadata": {"resourceVersion": "99"}})
        await idle.api.end_watches()
        await idle.api.wait_for_watches(2)
    assert idle.api.watches == ["1", "99"]


async def test_version_that_is_too_old_means_a_fresh_list(idle: Watched) -> None:
    await idle.api.put(OLD)
    async with watching(idle):
        await idle.api.wait_for_watches(1)
        del idle.api.items[f"{OLD.name}-{OLD.revision}"]  # deleted while nobody watched
        idle.api.version, idle.api.oldest = 50, 50
        await idle.api.end_watches()
        await idle.api.wait_for_watches(2)
        assert not idle.has(OLD)
    assert idle.api.lists == 2


async def test_refusal_names_the_permissions_and_is_waited_out(
    idle: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    idle.api.refuse = 403
    await idle.api.put(OLD)
    async with watching(idle):
        await until(lambda: "get, list and watch on configmaps" in caplog.text)
        idle.api.refuse = None
        await until(lambda: idle.has(OLD))


@pytest.mark.parametrize("line", [{"type": "ADDED"}, {"type": "ADDED", "object": {"metadata": {}}}])
async def test_nonsense_in_the_watch_does_not_end_it(
    idle: Watched, line: dict[str, object]
) -> None:
    async with watching(idle):
        await idle.api.wait_for_watches(1)
        await idle.api.send(str(line["type"]), line.get("object", {}))  # type: ignore[arg-type] # nonsense on purpose
        await idle.api.wait_for_watches(2)
        await idle.api.put(OLD)
        await until(lambda: idle.has(OLD))


async def test_unknown_revision_is_fetched_directly(idle: Watched) -> None:
    await idle.api.put(OLD)
    await idle.source.fetch(wanted(OLD), idle.store)
    await idle.source.fetch(wanted(NEW), idle.store)
    assert idle.has(OLD)
    assert not idle.has(NEW)


async def test_unreachable_api_server_leaves_what_is_known(
    access: Callable[[str], KubernetesAccess], caplog: pytest.LogCaptureFixture
) -> None:
    source = KubernetesRevisions(access("http://127.0.0.1:9"), namespace=NAMESPACE, pool=POOL)
    store = RevisionStore(prepare)
    await store.put("old", OLD.to_json())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(source.run(store))
        await until(lambda: "revisions are not being watched" in caplog.text)
        await source.fetch(wanted(NEW), store)
        task.cancel()
    assert store.get(wanted(OLD)) == OLD


async def test_line_comes_changes_in_place_and_goes(idle: Watched) -> None:
    old, new = line(), line(numbers=("+15550199",))
    item = {
        "metadata": {"name": "reception-line", "resourceVersion": "7"},
        "data": {LINE_KEY: old.to_json()},
    }
    lines = idle.store.lines
    async with watching(idle):
        await idle.api.wait_for_watches(1)
        await idle.api.send("ADDED", item)
        await until(lambda: lines.of_number("+15550100") == old)
        await idle.api.send("MODIFIED", item | {"data": {LINE_KEY: new.to_json()}})
        await until(lambda: lines.of_number("+15550199") == new)
        assert lines.of_number("+15550100") is None
        await idle.api.send("DELETED", item)
        await until(lambda: lines.of_agent(new.agent) is None)
