"""Each kind of child is followed, those that not every cluster has while they are there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from typing_extensions import override

from switchboard_contract import names
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.kinds import DEPLOYMENT, POD_MONITOR, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.watch import children
from switchboard_operator.watch.children import AGAIN_SECONDS, BOOKMARK, ObjectWatch, follow
from tests.operator.samples import World, served_world
from tests.support.virtual_time import run_virtual

MONITOR = (POD_MONITOR, "smile-dental", "reception-worker")


class _Stream(ObjectWatch):
    """An API server's stream of events, as a test lets it flow."""

    def __init__(self, kind: Kind = POD_MONITOR) -> None:
        self._kind = kind
        self.events: asyncio.Queue[tuple[str, Object] | KubeApiError | None] = asyncio.Queue()
        self.selectors: list[str] = []
        self.versions: list[int] = []

    @override
    async def watch_objects(
        self, kind: Kind, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        assert kind is self._kind
        self.selectors.append(selector)
        self.versions.append(int(version))
        while (event := await self.events.get()) is not None:
            if isinstance(event, KubeApiError):
                raise event
            yield event


def _following(course: Callable[[World, _Stream], Awaitable[None]]) -> None:
    async def run() -> None:
        world = await served_world()
        stream = _Stream()
        loop = follow(stream, world.feed, world.discovery, POD_MONITOR)
        following = asyncio.ensure_future(loop)
        await course(world, stream)
        following.cancel()

    run_virtual(run())


async def _install(world: World) -> None:
    world.kube.served.add(POD_MONITOR)
    await world.discover()
    await world.settle()
    await asyncio.sleep(2 * AGAIN_SECONDS)


def _edited(world: World) -> Object:
    """Let somebody edit the monitor, and return what a watch brings of it."""
    edited = {**world.kube.objects[MONITOR], "spec": {"selector": {}}}
    world.kube.put(POD_MONITOR, edited)
    return world.kube.objects[MONITOR]


def test_a_hand_edit_is_put_right_as_soon_as_the_watch_brings_it() -> None:
    async def course(world: World, stream: _Stream) -> None:
        await _install(world)
        ours = world.kube.objects[MONITOR]["spec"]
        stream.events.put_nowait(("MODIFIED", _edited(world)))
        await asyncio.sleep(AGAIN_SECONDS)
        await world.settle()
        assert world.kube.objects[MONITOR]["spec"] == ours
        assert stream.selectors == [f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"]

    _following(course)


def test_nothing_is_watched_before_the_kind_is_served() -> None:
    async def course(world: World, stream: _Stream) -> None:
        await asyncio.sleep(60)
        assert stream.selectors == []
        await _install(world)
        assert len(stream.selectors) == 1

    _following(course)


def test_what_happened_while_a_watch_was_away_is_found_by_the_list_of_the_next() -> None:
    async def course(world: World, stream: _Stream) -> None:
        await _install(world)
        ours = world.kube.objects[MONITOR]["spec"]
        _edited(world)
        stream.events.put_nowait(KubeApiError(410, "Expired", "too old"))
        await asyncio.sleep(2 * AGAIN_SECONDS)
        await world.settle()
        assert world.kube.objects[MONITOR]["spec"] == ours
        assert len(stream.selectors) == 2

    _following(course)


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, children.__name__)

    async def course(world: World, stream: _Stream) -> None:
        await _install(world)
        for _ in range(3):
            stream.events.put_nowait(KubeApiError(500, "Broken", "away"))
        await asyncio.sleep(30 * AGAIN_SECONDS)

    _following(course)
    told = [record.getMessage().split(" of ")[0] for record in caplog.records]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"], told


def test_a_stream_that_ends_is_taken_up_where_it_ended() -> None:
    async def course(world: World, stream: _Stream) -> None:
        await _install(world)
        lists = world.kube.listed[POD_MONITOR]
        far = {"metadata": {"resourceVersion": "9000"}}
        stream.events.put_nowait((BOOKMARK, far))
        stream.events.put_nowait(None)
        await asyncio.sleep(2 * AGAIN_SECONDS)
        assert stream.versions[1:] == [9000]
        assert world.kube.listed[POD_MONITOR] == lists, "no list is needed"

    _following(course)


def test_the_first_watch_goes_on_from_the_list_that_opened_the_barrier() -> None:
    async def run() -> None:
        world = await served_world()
        lists = world.kube.listed[DEPLOYMENT]
        stream = _Stream(DEPLOYMENT)
        following = asyncio.ensure_future(follow(stream, world.feed, world.discovery, DEPLOYMENT))
        await asyncio.sleep(2 * AGAIN_SECONDS)
        following.cancel()
        assert len(stream.versions) == 1
        assert world.kube.listed[DEPLOYMENT] == lists

    run_virtual(run())


def test_a_kind_that_goes_away_is_let_go_of() -> None:
    async def course(world: World, stream: _Stream) -> None:
        await _install(world)
        stream.events.put_nowait(NotFoundError(404, "NotFound", "no such kind"))
        await asyncio.sleep(AGAIN_SECONDS)
        assert not world.discovery.has(POD_MONITOR)
        await asyncio.sleep(60)
        assert len(stream.selectors) == 1

    _following(course)
