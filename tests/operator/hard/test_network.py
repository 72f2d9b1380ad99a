"""Bad networks and control planes: nothing is lost, and little time.

The operator speaks to the API server through a proxy that the test controls.
"""

import asyncio
import contextlib

import aiohttp
import pytest

from switchboard_operator.canary import DEAD_SECONDS
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.kinds import SERVICE, VOICE_AGENT
from switchboard_operator.kube.object_watch import KubeObjectWatch
from switchboard_operator.watch.feed import SWEEP_DELAY_SECONDS
from tests.operator.hard.knocks import Knocks, operator, probe
from tests.operator.samples import agent
from tests.operator.system import OperatorProcess, System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


WORKER = "reception-worker"


async def swept() -> None:
    """Let the full lists after a start go by: they find what no watch tells."""
    await asyncio.sleep(2.5 * SWEEP_DELAY_SECONDS)


async def generation_seen(system: System, where: str) -> bool:
    """Tell whether the status speaks of the newest spec."""
    seen = await system.kube.get(VOICE_AGENT, where, "reception")
    status = seen.get("status") or {}
    return bool(status.get("observedGeneration") == seen["metadata"]["generation"])


async def change(system: System, where: str, seconds: int) -> None:
    """Change a spec."""
    patch = {"spec": {"limits": {"maxCallSeconds": seconds}}}
    await system.kube.patch(VOICE_AGENT, where, "reception", patch)


async def test_streams_that_die_in_silence_are_noticed_and_opened_again(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks) as running:
        await system.tenant_with_namespace("silent")
        await system.serve("silent", "+15550301")
        await swept()
        opened = knocks.proxy.watches
        knocks.proxy.freeze_open_watches()
        await change(system, "silent", 301)
        await asyncio.sleep(5)
        assert not await generation_seen(system, "silent"), "nothing told the operator"
        assert (await running.metrics())["switchboard_watch_canary_age_seconds"] >= 3

        async def seen() -> bool:
            return await generation_seen(system, "silent")

        # kopf gives a silent stream 70 s.
        await until(seen, "the change is seen after all", seconds=150)
        assert knocks.proxy.watches > opened
        assert (await probe(running, "healthz"))[0] == 200
        assert (await running.metrics())["switchboard_leader"] == 1

        async def back() -> bool:
            return (await running.metrics())["switchboard_watch_canary_age_seconds"] < 10

        await until(back, "the lease comes back through its watch", seconds=60)


@pytest.mark.parametrize(
    ("cut_seconds", "dead_seconds"),
    [(12.0, 6.0), (115.0, DEAD_SECONDS)],
    ids=["longer than the canary lives", "two minutes, as the canary bears"],
)
async def test_watches_that_are_cut_and_refused_are_told_of_in_time_and_heal_without_a_new_start(
    knocks: Knocks, cut_seconds: float, dead_seconds: float
) -> None:
    system, where = knocks.system, f"cut-{cut_seconds:.0f}"
    async with operator(
        knocks,
        SWITCHBOARD_WATCH_DEAD_SECONDS=f"{dead_seconds:.0f}",
        SWITCHBOARD_LEASE_SECONDS="20",  # renewed every 4 s, which is what the canary goes by
    ) as running:
        await system.tenant_with_namespace(where)
        await system.serve(where, f"+155503{cut_seconds:04.0f}")
        await swept()
        knocks.proxy.cut_watches()
        try:
            await change(system, where, 305)
            await system.kube.delete(SERVICE, await system.kube.get(SERVICE, where, WORKER))
            await asyncio.sleep(cut_seconds)
            status, said = await probe(running, "healthz")
            if cut_seconds > dead_seconds:
                assert (status, "the watches bring nothing" in said) == (503, True)
            else:
                assert status == 200, said
        finally:
            knocks.proxy.reopen()

        async def healed() -> bool:
            with contextlib.suppress(NotFoundError):
                await system.kube.get(SERVICE, where, WORKER)
                return await generation_seen(system, where)
            return False

        await until(healed, "change seen and Service made anew", seconds=120)

        async def well() -> bool:
            return (await probe(running, "healthz"))[0] == 200

        await until(well, "the canary sings again", seconds=120)
        assert running.process.returncode is None
        assert (await running.metrics())["switchboard_leader"] == 1


async def test_versions_that_are_forgotten_are_listed_anew(knocks: Knocks) -> None:
    system = knocks.system
    # On a busy machine the API server is away for longer than a lease of 10 s lives.
    async with operator(knocks, SWITCHBOARD_LEASE_SECONDS="120") as running:
        await system.tenant_with_namespace("gone")
        await system.serve("gone", "+15550302")
        await swept()
        knocks.proxy.cut_watches()
        await change(system, "gone", 302)
        await system.kube.delete(SERVICE, await system.kube.get(SERVICE, "gone", WORKER))
        await knocks.stop_apiserver()
        await knocks.compact()
        await knocks.start_apiserver()
        knocks.proxy.reopen()

        async def healed() -> bool:
            with contextlib.suppress(NotFoundError):
                await system.kube.get(SERVICE, "gone", WORKER)
                return await generation_seen(system, "gone")
            return False

        await until(healed, "change seen and Service made anew", seconds=120)
        assert running.process.returncode is None
        with pytest.raises(KubeApiError, match="too old resource version"):
            async for _ in KubeObjectWatch(system.kube).watch_objects(SERVICE, "", "1"):
                pass


async def test_a_restart_of_the_api_server_is_ridden_out(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks, SWITCHBOARD_LEASE_SECONDS="120") as running:
        await system.tenant_with_namespace("restarted")
        await system.serve("restarted", "+15550303")
        await knocks.stop_apiserver()
        await asyncio.sleep(3)
        await knocks.start_apiserver()
        await change(system, "restarted", 303)

        async def seen() -> bool:
            return await generation_seen(system, "restarted")

        await until(seen, "the change is seen", seconds=120)
        assert running.process.returncode is None, "the lease outlived it"


async def test_a_leader_that_is_cut_off_ends_and_the_next_one_catches_up(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks) as first:
        await system.tenant_with_namespace("cut")
        await system.serve("cut", "+15550304")
        knocks.proxy.shut()
        try:
            status = await asyncio.wait_for(first.process.wait(), 30)
            assert status == 1, first.log.read_text()[-500:]
            await change(system, "cut", 304)
            async with operator(knocks, leading=False) as second:

                async def says_so() -> bool:
                    with contextlib.suppress(aiohttp.ClientError):
                        return "API server does not answer" in (await probe(second, "readyz"))[1]
                    return False

                await until(says_so, "/readyz says what is wrong", seconds=20)
                knocks.proxy.reopen()
                await until(second.is_leading, "it leads once the way is free")

                async def seen() -> bool:
                    return await generation_seen(system, "cut")

                await until(seen, "the change is seen")
        finally:
            knocks.proxy.reopen()


async def test_a_storm_of_conflicts_ends_where_calm_would(knocks: Knocks) -> None:
    system = knocks.system
    numbers = [f"+155503050{index}" for index in range(8)]
    async with operator(knocks) as running:
        await system.tenant_with_namespace("storm")
        knocks.proxy.conflicts_every = 2
        try:
            for index, number in enumerate(numbers):
                await system.put(VOICE_AGENT, agent(f"a{index}", "storm", numbers=[number]))
            for index in range(len(numbers)):
                await system.condition("storm", "SIPReady", "True/SIPReady", f"a{index}")
        finally:
            knocks.proxy.conflicts_every = 0
        assert knocks.proxy.refused >= len(numbers)
        await until(lambda: _calm(running), "writes end", seconds=90)
        trunks = await system.sip.list_trunks()
        assert sorted(n for t in trunks for n in t.numbers if n in numbers) == numbers


async def _calm(running: OperatorProcess) -> bool:
    before = await running.writes()
    await asyncio.sleep(5)
    return await running.writes() == before
