"""A wrong number, where the SIP side drops it without a word as livekit-sip does."""

from pathlib import Path

import pytest

from switchboard_loadtest import caller_script
from switchboard_loadtest.run import Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_local.servers import LiveKitServer
from switchboard_media.codec import G722
from tests.local.sip_edge.edge_process import edge_process

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def test_a_call_that_is_dropped_after_a_180_counts_as_refused(
    livekit: LiveKitServer, tmp_path: Path
) -> None:
    async with edge_process(livekit, ["--drop-unrouted"]) as edge:
        script = caller_script.load("wrong_number")
        target = Target(*edge.address, script.number)
        done = await run(Settings(target, script, G722, 1, 1, tmp_path, tmp_path / "speech"))
    (call,) = done.calls
    assert (call.view.leg.rang, call.view.leg.final_status) == (True, 0)
    assert call.completed
