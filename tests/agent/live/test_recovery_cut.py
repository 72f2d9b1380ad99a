"""A worker whose network to LiveKit is cut, while it lives and Redis hears it."""

import time
from pathlib import Path

import pytest

from tests.agent.live.cut_network import WORKER_HOST, cut_network
from tests.agent.live.light_callers import light_phones
from tests.agent.live.recovery_rig import (
    POOL,
    about,
    agents_in,
    codes_config,
    dispatch,
    eventually,
    gone_on_with,
    knows,
    one_record_of_a_whole_conversation,
    over,
    silence_seconds,
)
from tests.agent.live.test_recovery import LONGEST_SILENCE_SECONDS
from tests.agent.live.worker_process import worker_process

pytestmark = pytest.mark.cluster


async def test_a_worker_cut_off_from_livekit_gives_its_call_away(tmp_path: Path) -> None:
    room = "cut-1"
    config = codes_config(POOL)
    async with (
        cut_network(tmp_path / "network") as network,
        light_phones(network.livekit) as phones,
        worker_process(
            tmp_path,
            network.livekit,
            network.redis,
            config,
            pool=POOL,
            name="one",
            inside=network.inside,
            host=WORKER_HOST,
        ) as one,
    ):
        await dispatch(network.livekit, room, POOL, config)
        await phones.call(room)
        await knows(network.redis, room, codes=1)
        async with worker_process(
            tmp_path, network.livekit, network.redis, config, pool=POOL, name="two"
        ):
            fault_at = time.time()
            await network.cut()
            await gone_on_with(network.redis, room)
            silence = await silence_seconds(phones, room, fault_at)
            assert silence < LONGEST_SILENCE_SECONDS
            await network.heal()
            await eventually(one.ready, 40)
            known = (await about(network.redis, room)).known
            await knows(network.redis, room, codes=len(known[-1]) + 2)
            assert await agents_in(network.livekit, room) == 1
            await phones.leave(room)
            call = await over(network.redis, room)
            metrics = await one.metrics()

    one_record_of_a_whole_conversation(call)
    assert metrics['switchboard_calls_let_go_total{reason="cut_off"}'] == 1
