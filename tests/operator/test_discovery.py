"""APIs that not every cluster has: nothing is made of them without, everything once they come."""

from typing import Any

import pytest

from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.discovery import Discovery, Resource, served
from switchboard_operator.kube.kinds import DEPLOYMENT, POD_MONITOR
from switchboard_operator.kube.objects import Object
from tests.operator.fakes import FakeKube
from tests.operator.samples import served_world

MONITOR = (POD_MONITOR, "smile-dental", "reception-worker")


def _group(name: str, *resources: str, freshness: str = "Current") -> Object:
    listed = [{"resource": resource} for resource in resources]
    version = {"version": "v1", "freshness": freshness, "resources": listed}
    return {"metadata": {"name": name}, "versions": [version]}


def test_an_api_whose_server_is_away_is_not_served() -> None:
    found = served([_group("a.example", "cats"), _group("b.example", "dogs", freshness="Stale")])
    assert found == {Resource("a.example", "v1", ""), Resource("a.example", "v1", "cats")}


async def test_only_what_was_asked_for_is_news() -> None:
    kube = FakeKube()
    discovery = Discovery(kube)
    kube.served = {POD_MONITOR}
    assert await discovery.refresh() == set()
    assert discovery.serves(POD_MONITOR.group, POD_MONITOR.version)
    kube.served = set()
    assert await discovery.refresh() == {Resource(POD_MONITOR.group, POD_MONITOR.version, "")}
    assert discovery.has(DEPLOYMENT), "a kind of Kubernetes itself needs no asking"


async def test_what_was_known_stays_while_the_api_server_is_away() -> None:
    kube = FakeKube()
    kube.served = {POD_MONITOR}
    discovery = Discovery(kube)
    await discovery.refresh()

    async def away() -> Any:  # noqa: ANN401  never returns
        raise KubeApiError(0, "Unreachable", "no answer")

    kube.discover = away  # type: ignore[method-assign]
    with pytest.raises(KubeApiError):
        await discovery.refresh()
    assert discovery.has(POD_MONITOR)


async def test_without_prometheus_operator_nothing_is_tried() -> None:
    world = await served_world()
    assert MONITOR not in world.kube.objects
    assert not world.errors


async def test_monitors_come_with_their_api_and_are_forgotten_with_it() -> None:
    world = await served_world()
    world.kube.served.add(POD_MONITOR)
    await world.discover()
    await world.settle()
    assert MONITOR in world.kube.objects
    assert world.store.get(*MONITOR) is not None

    world.kube.served.clear()
    del world.kube.objects[MONITOR]
    await world.discover()
    await world.settle()
    assert world.store.get(*MONITOR) is None

    world.kube.served.add(POD_MONITOR)
    await world.discover()
    await world.settle()
    assert MONITOR in world.kube.objects


async def test_an_api_that_is_gone_before_anybody_noticed_stops_nothing() -> None:
    world = await served_world()
    world.kube.served.add(POD_MONITOR)
    await world.discovery.refresh()
    world.kube.served.clear()
    world.feed.wake_everybody()
    await world.settle()
    assert not world.errors
    assert not world.discovery.has(POD_MONITOR)
