"""Leadership on virtual time: one leader at a time, whatever fails."""

import asyncio
from collections.abc import Coroutine

import pytest
from typing_extensions import override

from switchboard_operator.errors import KubeApiError, LeaseLostError
from switchboard_operator.kube.kinds import LEASE, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.lease import NAME, Lease
from tests.operator.fakes import FakeKube
from tests.support.virtual_time import run_virtual


def _lease(kube: FakeKube, identity: str) -> Lease:
    return Lease(kube, namespace="system", identity=identity, seconds=15.0)


def _spec(kube: FakeKube) -> Object:
    spec: Object = kube.objects[LEASE, "system", NAME]["spec"]
    return spec


def _run(test: Coroutine[object, object, None]) -> None:
    run_virtual(test)


def test_the_first_leads_and_the_second_waits_until_it_is_released() -> None:
    async def test() -> None:
        kube = FakeKube()
        first, second = _lease(kube, "a"), _lease(kube, "b")
        await first.acquire()
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(first.hold())
            waiting = group.create_task(second.acquire())
            await asyncio.sleep(120)
            assert not waiting.done()
            holding.cancel()
            await first.release()
            began = asyncio.get_running_loop().time()
            await waiting
            assert asyncio.get_running_loop().time() - began <= 2.0
        assert _spec(kube)["holderIdentity"] == "b"
        assert _spec(kube)["leaseTransitions"] == 1

    _run(test())


def test_a_dead_leader_is_replaced_when_its_lease_has_run_out_and_not_before() -> None:
    async def test() -> None:
        kube = FakeKube()
        await _lease(kube, "a").acquire()
        began = asyncio.get_running_loop().time()
        await _lease(kube, "b").acquire()
        assert 15.0 < asyncio.get_running_loop().time() - began <= 19.0

    _run(test())


def test_a_leader_that_cannot_renew_gives_up_before_anybody_can_take_over() -> None:
    async def test() -> None:
        kube = FakeKube()
        lease = _lease(kube, "a")
        await lease.acquire()
        kube.fails["patch"] = KubeApiError(503, "Unavailable", "etcd is away")
        with pytest.raises(LeaseLostError):
            await lease.hold()
        assert asyncio.get_running_loop().time() <= 12.0

    _run(test())


def test_a_leader_that_sees_another_holder_gives_up_at_once() -> None:
    async def test() -> None:
        kube = FakeKube()
        lease = _lease(kube, "a")
        await lease.acquire()
        stolen = kube.objects[LEASE, "system", NAME]
        kube.put(LEASE, {**stolen, "spec": {**stolen["spec"], "holderIdentity": "thief"}})
        with pytest.raises(LeaseLostError):
            await lease.hold()
        assert asyncio.get_running_loop().time() <= 2.0

    _run(test())


class _DeadConnection(FakeKube):
    """One request of it never comes back."""

    hangs = False

    @override
    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        if self.hangs:
            self.hangs = False
            await asyncio.Event().wait()
        return await super().get(kind, namespace, name)


def test_a_request_that_never_comes_back_does_not_cost_the_lease() -> None:
    async def test() -> None:
        kube = _DeadConnection()
        lease = _lease(kube, "a")
        await lease.acquire()
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(lease.hold())
            for _ in range(3):
                kube.hangs = True
                await asyncio.sleep(30)
                assert not holding.done()
            holding.cancel()

    _run(test())


def test_every_renewal_is_told_of_for_the_watch_to_bring_back() -> None:
    async def test() -> None:
        kube, told = FakeKube(), list[int]()
        lease = Lease(kube, namespace="system", identity="a", seconds=15.0, on_written=told.append)
        await lease.acquire()
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(lease.hold())
            await asyncio.sleep(21)
            holding.cancel()
        assert len(told) == 10
        assert told == sorted(told)
        labels = kube.objects[LEASE, "system", NAME]["metadata"]["labels"]
        assert labels == {"app.kubernetes.io/managed-by": "switchboard"}

    _run(test())


def test_a_short_outage_is_ridden_out() -> None:
    async def test() -> None:
        kube = FakeKube()
        lease = _lease(kube, "a")
        await lease.acquire()
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(lease.hold())
            kube.fails["patch"] = KubeApiError(0, "Unreachable", "connection refused")
            await asyncio.sleep(7)
            kube.fails.clear()
            await asyncio.sleep(60)
            assert not holding.done()
            holding.cancel()

    _run(test())
