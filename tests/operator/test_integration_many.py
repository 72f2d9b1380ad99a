"""Hundreds of VoiceAgents on a real API server and LiveKit: bounds far above what it takes.

`make bench-operator` measures a thousand; here it is only shown that nothing grows with the number.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from switchboard_operator.kube.kinds import TENANT, VOICE_AGENT
from switchboard_operator.sip.wire import agent_of
from tests.operator.samples import agent
from tests.operator.system import System, running_system, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

COUNT = 250
WHERE = "many"
SERVED_WITHIN_SECONDS = 120.0
SUSPENDED_WITHIN_SECONDS = 5.0
GONE_WITHIN_SECONDS = 120.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A system of its own without controllers: what is shown is the operator's part."""
    async with running_system(tmp_path_factory.mktemp("many"), controllers=()) as started:
        # On a busy machine a burst may hold up the renewal of a lease of 10 s.
        await started.start_operator(extra={"SWITCHBOARD_LEASE_SECONDS": "120"})
        yield started


async def _objects(system: System) -> tuple[int, int]:
    """Return how many trunks and rules the tenant has in LiveKit."""
    trunks, rules = await system.sip.list_trunks(), await system.sip.list_rules()
    owners = [agent_of(one.metadata) for one in trunks], [agent_of(one.metadata) for one in rules]
    counts = [sum(owner.startswith(f"{WHERE}/") for owner in found) for found in owners]
    return counts[0], counts[1]


async def _reached(system: System, wanted: tuple[int, int]) -> bool:
    return await _objects(system) == wanted


async def test_a_tenant_of_250_agents_is_served_suspended_in_five_seconds_and_deleted(
    system: System,
) -> None:
    await system.tenant_with_namespace(WHERE, workerPools=[{"name": "front"}])
    at_once = asyncio.Semaphore(8)

    async def make(index: int) -> None:
        numbers = [f"+1555070{index:04d}"]
        made = agent(f"desk-{index}", WHERE, numbers=numbers, workerPool="front")
        async with at_once:
            await system.put(VOICE_AGENT, made)

    async with asyncio.TaskGroup() as group:
        for index in range(COUNT):
            group.create_task(make(index))
    served = partial(_reached, system, (COUNT, COUNT))
    await until(served, "all have trunk and rule", seconds=SERVED_WITHIN_SECONDS)

    began = time.monotonic()
    await system.kube.patch(TENANT, "", WHERE, {"spec": {"suspend": True}})
    silent = partial(_reached, system, (COUNT, 0))
    await until(silent, "all rules are gone", seconds=30)
    assert time.monotonic() - began < SUSPENDED_WITHIN_SECONDS

    status, output = await system.kubectl("delete", "va", "--all", "-n", WHERE, "--wait=false")
    assert status == 0, output
    gone = partial(_reached, system, (0, 0))
    await until(gone, "LiveKit has nothing of it", seconds=GONE_WITHIN_SECONDS)

    async def deleted() -> bool:
        listed, _ = await system.kube.list_all(VOICE_AGENT)
        return not [one for one in listed if one["metadata"]["namespace"] == WHERE]

    await until(deleted, "no VoiceAgent is left", seconds=GONE_WITHIN_SECONDS)
