"""Keys of an agent through a real livekit-server, to a caller made with the SDK as it ships."""

import time

import pytest

from switchboard_agent.transport.livekit.transport import KEY_SECONDS, LiveKitTransport
from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import until, worker_rig

pytestmark = pytest.mark.integration


async def test_the_caller_receives_the_agents_keys_in_order(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with worker_rig(livekit, config, pool="keys") as rig, phones(livekit) as callers:
        await rig.dispatch("keys-1", config)
        await callers.call("keys-1")
        call = await rig.call("keys-1")
        assert isinstance(call.transport, LiveKitTransport)
        await until(lambda: bool(call.frames))
        began = time.monotonic()
        for key in "1*A":
            await call.transport.send_key(key)
        assert time.monotonic() - began >= 3 * KEY_SECONDS
        assert await callers.keys("keys-1") == [(1, "1"), (10, "*"), (12, "a")]
        assert call.digits == "", "the agent hears its own keys"
        await callers.leave("keys-1")
