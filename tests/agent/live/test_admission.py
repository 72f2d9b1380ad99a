"""Calls that are not taken: the caller is told, by the real server, within seconds."""

import time

import pytest
from redis.asyncio import Redis

from switchboard_agent.admission import RefusalReason
from switchboard_agent.admission_quota import RedisQuota
from switchboard_local.servers import LiveKitServer, RedisServer
from tests.agent.live.callers import phones
from tests.agent.live.configs import agent_config
from tests.agent.live.rig import until, worker_rig

pytestmark = pytest.mark.integration


async def test_caller_over_the_tenants_quota_is_put_out_at_once(
    livekit: LiveKitServer, redis: RedisServer
) -> None:
    config = agent_config(concurrent_calls=1)
    async with (
        Redis.from_url(redis.url) as client,
        worker_rig(
            livekit, config, pool="quota", quota=RedisQuota(client, on_unshared=pytest.fail)
        ) as rig,
        phones(livekit) as callers,
    ):
        await rig.dispatch("quota-1", config)
        await callers.call("quota-1")
        await rig.call("quota-1")
        began = time.time()
        await rig.dispatch("quota-2", config)
        await callers.call("quota-2")
        gone_at = await callers.gone("quota-2")
        await callers.leave("quota-1")
        await until(lambda: rig.admission.held == 0)
        await rig.dispatch("quota-3", config)
        await callers.call("quota-3")
        await rig.call("quota-3")
        await callers.leave("quota-3")

    assert rig.refusals == [RefusalReason.QUOTA]
    assert gone_at - began < 3


async def test_caller_of_a_full_pool_is_put_out_not_left_ringing(livekit: LiveKitServer) -> None:
    config = agent_config()
    async with (
        worker_rig(livekit, config, pool="full", max_calls=1) as rig,
        phones(livekit) as callers,
    ):
        await rig.dispatch("full-1", config)
        await callers.call("full-1")
        await rig.call("full-1")
        began = time.time()
        await rig.dispatch("full-2", config)
        await callers.call("full-2")
        gone_at = await callers.gone("full-2")
        live = await callers.heard("full-1")
        await callers.leave("full-1")

    assert rig.refusals == [RefusalReason.FULL]
    assert gone_at - began < 8
    assert live.longest_gap_ms <= 500


async def test_unknown_revision_is_refused(livekit: LiveKitServer) -> None:
    async with (
        worker_rig(livekit, agent_config(), pool="unknown") as rig,
        phones(livekit) as callers,
    ):
        await rig.dispatch("unknown-1", agent_config(greeting="Nobody knows this."))
        await callers.call("unknown-1")
        await callers.gone("unknown-1")

    assert rig.refusals == [RefusalReason.UNKNOWN_REVISION]
