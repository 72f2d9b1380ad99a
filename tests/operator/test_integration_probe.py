"""The operator tries real workers out on a real LiveKit: answered, silent, unfit."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from switchboard_contract import names
from switchboard_contract.agent_config import AgentConfig
from switchboard_operator.desired.names import revision_name
from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.agent.live.worker_process import worker_process
from tests.operator.system import System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

WORKER = "reception-worker"


async def set_ready(system: System, where: str, ready: int) -> None:
    """Say what the Deployment has: there is no kubelet here."""
    found = await system.kube.get(DEPLOYMENT, where, WORKER)
    counts = {"replicas": 1, "readyReplicas": ready, "updatedReplicas": 1}
    counts["observedGeneration"] = found["metadata"]["generation"]
    await system.kube.patch(DEPLOYMENT, where, WORKER, {"status": counts}, subresource="status")


async def served_config(system: System, where: str, number: str, **spec: object) -> AgentConfig:
    """Make a VoiceAgent; return the revision that its workers need."""
    await system.tenant_with_namespace(where)
    await system.serve(where, number, **spec)
    revision = (await status_of(system, where))["revision"]
    found = await system.kube.get(CONFIG_MAP, where, revision_name("reception", revision))
    return AgentConfig.model_validate_json(found["data"][names.REVISION_KEY])


async def status_of(system: System, where: str) -> Object:
    """Return the status of the VoiceAgent."""
    return dict((await system.kube.get(VOICE_AGENT, where, "reception"))["status"])


async def probe_rooms(system: System) -> list[str]:
    """Return the probe rooms in LiveKit."""
    return [name for name, _ in await system.sip.list_rooms() if name.startswith("sb-probe-")]


async def test_a_worker_is_tried_out_and_its_death_is_found_out(
    system: System, tmp_path: Path
) -> None:
    where = "tried-out"
    config = await served_config(system, where, "+15550401")
    await system.condition(where, "ProbeAnswered", "Unknown/ProbePending")
    async with worker_process(
        tmp_path, system.livekit, system.redis, config, pool=f"{where}.reception"
    ) as worker:
        await set_ready(system, where, 1)
        message = await system.condition(where, "ProbeAnswered", "True/Answered")
        assert "had the greeting ready" in message
        seen = await status_of(system, where)
        assert seen["lastProbe"]["result"] == "Answered"
        assert seen["lastProbe"]["revision"] == seen["revision"] == config.revision
        assert 0 < seen["lastProbe"]["joinMs"] < 5000
        assert seen["lastProbe"]["greetingMs"] > 0
        assert seen["activeCalls"] == 0
        async with Redis.from_url(system.redis.url) as client:
            assert await client.xlen(names.CALL_STREAM) == 0
        metrics = await worker.metrics()
        assert metrics['switchboard_probes_total{result="answered"}'] == 1
        worker.process.kill()
        await worker.process.wait()
    await set_ready(system, where, 0)
    await system.condition(where, "ProbeAnswered", "Unknown/ProbePending")
    await set_ready(system, where, 1)
    message = await system.condition(where, "ProbeAnswered", "False/ProbeNotAnswered")
    assert f"switchboard.dev/pool={where}.reception" in message
    await system.condition(where, "Ready", "True/Ready")

    async def cleared() -> bool:
        return not await probe_rooms(system)

    await set_ready(system, where, 0)
    await until(cleared, "no probe room is left")


async def test_a_worker_without_the_revision_is_not_fit_and_ready_waits_where_asked(
    system: System, tmp_path: Path
) -> None:
    where = "unfit"
    config = await served_config(system, where, "+15550402", probe={"gatesReady": True})
    stale = config.model_copy(update={"language": "en-US", "tenant_concurrent_calls": 3})
    assert stale.revision != config.revision
    async with worker_process(
        tmp_path, system.livekit, system.redis, stale, pool=f"{where}.reception"
    ):
        await set_ready(system, where, 1)
        message = await system.condition(where, "ProbeAnswered", "False/ProbeFailed")
        assert "revision: not loaded" in message
        await system.condition(where, "Ready", "False/ProbeFailed")
        assert (await status_of(system, where))["lastProbe"]["fault"] == "revision: not loaded"


async def test_answers_that_say_the_same_are_not_written(system: System, tmp_path: Path) -> None:
    where = "same-again"
    config = await served_config(system, where, "+15550403", probe={"intervalSeconds": 30})
    operator = system.operators[-1]
    labels = f'agent="{where}/reception",result="answered",tenant="{where}"'
    answers = f"switchboard_probe_results_total{{{labels}}}"
    async with worker_process(
        tmp_path, system.livekit, system.redis, config, pool=f"{where}.reception"
    ):
        await set_ready(system, where, 1)
        await system.condition(where, "ProbeAnswered", "True/Answered")
        await asyncio.sleep(2)  # the reconcile that wrote it is over
        version = (await system.kube.get(VOICE_AGENT, where, "reception"))["metadata"]
        made = (await operator.metrics())[answers]

        async def again() -> bool:
            return (await operator.metrics())[answers] > made

        await until(again, "it is tried out again")
        after = (await system.kube.get(VOICE_AGENT, where, "reception"))["metadata"]
        assert after["resourceVersion"] == version["resourceVersion"]
