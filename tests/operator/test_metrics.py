"""The operator's own metrics: bounded, in the catalogue, and true."""

import asyncio
import itertools

from prometheus_client import CollectorRegistry, generate_latest

from switchboard_contract.metrics import CATALOGUE
from switchboard_operator.census import Census
from switchboard_operator.directory import Key, KeyKind, agent_key
from switchboard_operator.errors import KubeApiError
from switchboard_operator.health import Health
from switchboard_operator.kube.kinds import NAMESPACE, TENANT, VOICE_AGENT
from switchboard_operator.telemetry import make_telemetry
from switchboard_operator.tracing import make_tracing
from switchboard_operator.worker import Workers
from switchboard_operator.workqueue import Backoff, WorkQueue
from tests.operator.samples import World, agent, namespace, run, tenant
from tests.support.virtual_time import run_virtual


def test_every_metric_of_the_operator_stands_in_the_catalogue() -> None:
    known = {metric.name.removesuffix("_total") for metric in CATALOGUE}
    emitted = {family.name for family in make_telemetry().registry.collect()}
    assert emitted <= known


def test_resources_are_counted_by_condition_and_the_series_do_not_grow_with_them() -> None:
    def series(agents: int) -> list[str]:
        async def course() -> str:
            world = World()
            world.users_put((TENANT, tenant()), (NAMESPACE, namespace()))
            for index in range(agents):
                numbers = [f"+155501{index:04d}"]
                world.users_put((VOICE_AGENT, agent(f"a{index}", numbers=numbers)))
            await world.open()
            await world.settle(rounds=5 * agents + 20)
            registry = CollectorRegistry()
            registry.register(Census(world.store, world.directory))
            return generate_latest(registry).decode()

        return [line for line in run(course()).splitlines() if not line.startswith("#")]

    few, many = series(1), series(40)
    assert len(few) == len(many)
    assert (
        'switchboard_resources{condition="SIPReady",kind="VoiceAgent",reason="SIPReady",'
        'status="True"} 40.0'
    ) in many
    assert 'switchboard_tenant_voice_agents{tenant="smile-dental"} 40.0' in many


def test_waiting_is_measured_from_when_a_key_was_due() -> None:
    async def test() -> None:
        waits: list[float] = []
        queue: WorkQueue[str] = WorkQueue(on_wait=waits.append)
        queue.add("a")
        await asyncio.sleep(3)
        queue.add("b")
        queue.add("a")  # asked again: it still waits since the first time
        await asyncio.sleep(1)
        assert queue.oldest_seconds() == 4.0
        for _ in range(2):
            queue.done(await queue.get())
        assert queue.oldest_seconds() == 0.0
        queue.add_after("c", 10.0)
        queue.done(await queue.get())
        assert waits == [4.0, 1.0, 0.0]

    run_virtual(test())


def test_one_poisoned_resource_does_not_starve_the_others_and_is_tried_ever_more_rarely() -> None:
    async def test() -> None:
        seen: dict[str, list[float]] = {}
        clock = asyncio.get_running_loop().time

        async def reconcile(key: object) -> bool:
            seen.setdefault(str(key), []).append(clock())
            await asyncio.sleep(0.01)
            if "poison" in str(key):
                raise KubeApiError(400, "Invalid", "never right") if len(seen) % 2 else ValueError
            return True

        telemetry = make_telemetry()
        queue: WorkQueue[Key] = WorkQueue(backoff=Backoff(), jitter=lambda: 1.0)
        workers = Workers(
            queue=queue,
            reconcilers={KeyKind.VOICE_AGENT: reconcile},
            resync_seconds=100_000,
            telemetry=telemetry,
            tracing=make_tracing("", ""),
            health=Health(clock),
            on_stale=lambda: None,
        )
        loops = [asyncio.ensure_future(workers.run()) for _ in range(2)]
        for name in ["poison", *(f"a{index}" for index in range(100))]:
            queue.add(agent_key(agent(name)))
        await asyncio.sleep(1.0)
        assert len(seen) == 101, "all others were looked at meanwhile"
        await asyncio.sleep(3600)
        for one in loops:
            one.cancel()
        tries = seen["smile-dental/poison"]
        gaps = [round(later - tried, 3) for tried, later in itertools.pairwise(tries)]
        assert gaps == sorted(gaps)
        assert 60.0 <= gaps[-1] <= 60.1, "capped"
        assert len(tries) < 75
        text = telemetry.render().decode()
        assert f'switchboard_reconcile_retries_total{{kind="VoiceAgent"}} {len(tries)}.0' in text
        queue.close()

    run_virtual(test())


def test_nothing_is_looked_at_while_nothing_may_be_written() -> None:
    async def test() -> None:
        seen: list[str] = []

        async def reconcile(key: Key) -> bool:
            seen.append(key.name)
            return True

        queue: WorkQueue[Key] = WorkQueue()
        may_write = asyncio.Event()
        workers = Workers(
            queue=queue,
            reconcilers={KeyKind.VOICE_AGENT: reconcile},
            resync_seconds=100_000,
            telemetry=make_telemetry(),
            tracing=make_tracing("", ""),
            health=Health(asyncio.get_running_loop().time),
            on_stale=lambda: None,
            may_write=may_write,
        )
        loops = [asyncio.ensure_future(workers.run()) for _ in range(2)]
        for name in ("a", "b", "c"):
            queue.add(agent_key(agent(name)))
        await asyncio.sleep(60)
        assert seen == []
        may_write.set()
        await asyncio.sleep(1)
        assert sorted(seen) == ["a", "b", "c"]
        for one in loops:
            one.cancel()
        queue.close()

    run_virtual(test())
