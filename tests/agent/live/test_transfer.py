"""A transfer at a real livekit-server that has no SIP bridge: refused by its API, typed."""

import pytest

from switchboard_agent.transport.base import Transferred
from switchboard_agent.transport.livekit.transport import LiveKitTransport
from switchboard_contract.call_events import TransferResult
from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import worker_rig

pytestmark = pytest.mark.integration


async def test_without_a_bridge_a_transfer_fails_and_the_caller_stays(
    livekit: LiveKitServer,
) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="transfer") as rig, phones(livekit) as callers:
        await rig.dispatch("transfer-1", config)
        await callers.call("transfer-1")
        call = await rig.call("transfer-1")
        assert isinstance(call.transport, LiveKitTransport)
        transferred = await call.transport.transfer("tel:+15550199")
        assert transferred == Transferred(TransferResult.FAILED)
        assert not call.over.is_set()
        await callers.leave("transfer-1")
