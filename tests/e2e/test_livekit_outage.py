"""A VoiceAgent that is applied while LiveKit is down takes calls once LiveKit is back."""

import asyncio
from pathlib import Path

import pytest

from switchboard_local.processes.kube import open_kube
from switchboard_local.processes.runner import Runner
from switchboard_operator.kube.kinds import VOICE_AGENT
from tests.operator.samples import agent
from tests.operator.system import running_system

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WHERE = "clinic"


async def test_it_becomes_ready_by_itself_when_livekit_returns(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        plane = system.plane
        access = {
            "SWITCHBOARD_KUBE_URL": plane.url,
            "SWITCHBOARD_KUBE_TOKEN_FILE": str(plane.token_file),
            "SWITCHBOARD_KUBE_CA_FILE": str(plane.ca_file),
        }
        # The probe would take LiveKit's word for it; here a worker must have come by itself.
        await system.start_operator()
        async with (
            open_kube(plane.url, ca_file=plane.ca_file, token=plane.token) as kube,
            asyncio.TaskGroup() as tasks,
        ):
            runner = tasks.create_task(
                Runner(kube, logs=tmp_path / "logs", access=access, leaving=tasks).run()
            )
            await system.tenant_with_namespace(WHERE)
            await system.stop_livekit()
            applied = agent("reception", WHERE, numbers=["+15550188"], probe={"enabled": False})
            await system.put(VOICE_AGENT, applied)
            told = await system.condition(WHERE, "SIPReady", "False/LiveKitUnreachable")
            assert "LiveKit" in told
            await system.start_livekit()
            await system.condition(WHERE, "Ready", "True/Ready")
            runner.cancel()
