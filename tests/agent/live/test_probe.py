"""The operator's probe against a real server: answered beside calls, and not as one."""

import json
import os
import signal
from pathlib import Path

import pytest
from livekit import api
from redis.asyncio import Redis

from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.names import CALL_STREAM
from switchboard_contract.probe import ProbeReport, ProbeState
from switchboard_local.servers import LiveKitServer, RedisServer
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import until, worker_rig
from tests.agent.live.worker_process import worker_process
from tests.operator.system import until as until_true

pytestmark = pytest.mark.integration


async def probed(livekit: api.LiveKitAPI, room: str, pool: str, config: AgentConfig) -> ProbeReport:
    """Dispatch a probe and read its answer, as the operator does."""
    dispatch = DispatchMetadata(agent=config.key, revision=config.revision, probe=True)
    agents = [api.RoomAgentDispatch(agent_name=pool, metadata=dispatch.model_dump_json())]
    await livekit.room.create_room(
        api.CreateRoomRequest(name=room, empty_timeout=15, agents=agents)
    )
    found: list[ProbeReport] = []

    async def answered() -> bool:
        answer = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
        reports = [ProbeReport.from_attributes(p.attributes) for p in answer.participants]
        found.extend(report for report in reports if report)
        return bool(found)

    await until_true(answered, "the probe is answered", seconds=15)
    return found[0]


async def test_a_probe_beside_a_call_takes_nothing_from_it(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with (
        worker_rig(livekit, config, pool="probed", max_calls=1) as rig,
        phones(livekit) as callers,
    ):
        await rig.dispatch("probed-1", config)
        await callers.call("probed-1")
        call = await rig.call("probed-1")
        report = await probed(rig.livekit, "sb-probe-1", "probed", config)
        held, calls = rig.admission.held, len(rig.engine.calls)
        await rig.livekit.room.delete_room(api.DeleteRoomRequest(room="sb-probe-1"))
        heard = await callers.heard("probed-1")
        await callers.leave("probed-1")
        await until(lambda: rig.admission.held == 0)

    assert report.state is ProbeState.ANSWERED
    assert (held, calls) == (1, 1)
    assert call.reason is not None
    assert heard.longest_gap_ms <= 500
    assert rig.probes == ["answered"]
    assert rig.refusals == []


async def test_a_real_worker_answers_and_its_records_and_metrics_know_no_call(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    config = agent_config(name="tried")
    async with (
        Redis.from_url(redis.url) as client,
        api.LiveKitAPI(livekit.http_url, livekit.api_key, livekit.api_secret) as rooms,
        worker_process(tmp_path, livekit, redis, config, pool="tried") as worker,
    ):
        events = await client.xlen(CALL_STREAM)
        report = await probed(rooms, "sb-probe-2", "tried", config)
        missing = await probed(rooms, "sb-probe-3", "tried", agent_config(name="unheard of"))
        metrics = await worker.metrics()
        assert await client.xlen(CALL_STREAM) == events

    assert (report.state, report.revision) == (ProbeState.ANSWERED, config.revision)
    assert report.greeting_ms is not None
    assert (missing.state, missing.fault) == (ProbeState.FAILED, "revision: not loaded")
    assert metrics['switchboard_probes_total{result="answered"}'] == 1
    assert not [name for name in metrics if name.startswith("switchboard_calls_total{")]
    assert not [name for name in metrics if name.startswith("switchboard_calls_refused_total{")]


async def test_a_recogniser_that_stands_still_is_found_out(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    config = agent_config(name="deaf")
    async with (
        api.LiveKitAPI(livekit.http_url, livekit.api_key, livekit.api_secret) as rooms,
        worker_process(tmp_path, livekit, redis, config, pool="deaf") as worker,
    ):
        helpers = _children(worker.process.pid)
        for pid in helpers:
            os.kill(pid, signal.SIGSTOP)
        report = await probed(rooms, "sb-probe-4", "deaf", config)

    assert helpers
    assert (report.state, report.fault) == (ProbeState.FAILED, "stt: SpeechToTextError")
    assert report.greeting_ms is not None


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return list(json.loads(f"[{','.join(text.split())}]"))
