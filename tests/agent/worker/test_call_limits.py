"""Quotas of tenant and agent together: what is refused holds nothing and wastes no rate."""

from typing import cast

from redis.asyncio import Redis

from switchboard_agent.admission import RefusalReason
from switchboard_agent.admission_quota import RedisQuota
from switchboard_agent.admission_rate import RedisRate
from switchboard_agent.call_limits import give_back, take
from switchboard_agent.worker.refusal import for_all
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.voice_agent import Limits
from tests.agent.live.configs import agent_config
from tests.agent.worker.test_quota import AwayRedis


def _config(
    *, name: str = "reception", tenant: int | None = None, own: int | None = None, rate: int = 9
) -> AgentConfig:
    return agent_config().model_copy(
        update={
            "name": name,
            "tenant_concurrent_calls": tenant,
            "tenant_calls_per_second": rate,
            "limits": Limits(max_concurrent_calls=own),
        }
    )


class Desk:
    """Both limits without Redis: this worker's own calls are counted."""

    def __init__(self) -> None:
        self.now = 100.0
        away = cast("Redis", AwayRedis())
        self.quota = RedisQuota(away, on_unshared=lambda: None)
        self.rate = RedisRate(away, on_unshared=lambda: None, clock=lambda: self.now)

    async def take(self, config: AgentConfig, call: str, caller: str = "") -> RefusalReason | None:
        return await take(self.quota, self.rate, config, call, caller)


async def test_an_agents_own_limit_is_its_own() -> None:
    desk = Desk()
    one, other = _config(own=1), _config(name="sales", own=1)
    assert await desk.take(one, "C1") is None
    assert await desk.take(one, "C2") is RefusalReason.AGENT_QUOTA
    assert await desk.take(other, "C3") is None
    await give_back(desk.quota, one, "C1")
    assert await desk.take(one, "C4") is None


async def test_a_call_over_the_agents_limit_leaves_the_tenants_places_free() -> None:
    desk = Desk()
    full, other = _config(tenant=2, own=1), _config(name="sales", tenant=2)
    assert await desk.take(full, "C1") is None
    assert await desk.take(full, "C2") is RefusalReason.AGENT_QUOTA
    assert await desk.take(other, "C3") is None
    assert await desk.take(other, "C4") is RefusalReason.QUOTA


async def test_over_the_rate_nothing_is_held() -> None:
    desk = Desk()
    config = _config(tenant=2, rate=1)
    assert await desk.take(config, "C1") is None
    assert await desk.take(config, "C2") is RefusalReason.RATE
    desk.now += 1.0
    assert await desk.take(config, "C3") is None


async def test_calls_refused_for_another_reason_do_not_use_up_the_rate() -> None:
    desk = Desk()
    config = _config(tenant=1, rate=2)
    assert await desk.take(config, "C1") is None
    for call in ("C2", "C3", "C4"):
        assert await desk.take(config, call) is RefusalReason.QUOTA
    await give_back(desk.quota, config, "C1")
    assert await desk.take(config, "C5") is None


async def test_without_quotas_nothing_is_counted() -> None:
    desk = Desk()
    config = _config().model_copy(update={"tenant_calls_per_second": None})
    assert [await desk.take(config, f"C{i}") for i in range(50)] == [None] * 50


def test_no_other_worker_would_decide_differently() -> None:
    assert for_all(RefusalReason.RATE)
    assert for_all(RefusalReason.AGENT_QUOTA)
    assert not for_all(RefusalReason.FULL)
