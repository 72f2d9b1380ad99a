"""What a call must have before it is promised: places, a fresh second, a caller who is welcome.

Where the caller is from comes first, since it holds nothing; the rate comes last: a call that is
refused for another reason does not use it up.
"""

from switchboard_agent.admission import RefusalReason
from switchboard_agent.admission_quota import Quota
from switchboard_agent.admission_rate import RateLimit
from switchboard_agent.caller_country import may_call
from switchboard_contract.agent_config import AgentConfig


async def take(
    quota: Quota, rate: RateLimit, config: AgentConfig, call: str, caller: str = ""
) -> RefusalReason | None:
    """Take everything a call needs; what it lacks is returned, and nothing is held then."""
    if not await may_call(config.tenant_countries, caller):
        return RefusalReason.COUNTRY
    for subject, limit, reason in _places(config):
        if not await quota.acquire(subject, call, limit):
            await give_back(quota, config, call)
            return reason
    most = config.tenant_calls_per_second
    if most is not None and not await rate.take(config.tenant, most):
        await give_back(quota, config, call)
        return RefusalReason.RATE
    return None


async def take_over(quota: Quota, config: AgentConfig, call: str) -> None:
    """Hold the places of a call that another worker let in, whatever the limits say by now."""
    for subject, limit, _ in _places(config):
        await quota.acquire(subject, call, limit)


async def give_back(quota: Quota, config: AgentConfig, call: str) -> None:
    """Free the places of a call. Safe to call twice."""
    for subject, _, _ in _places(config):
        await quota.release(subject, call)


def _places(config: AgentConfig) -> list[tuple[str, int, RefusalReason]]:
    """Return whose calls are counted, how many there may be, and why more are refused.

    The name of a tenant has no colon: an agent's subject is never one.
    """
    found: list[tuple[str, int, RefusalReason]] = []
    if config.tenant_concurrent_calls is not None:
        found.append((config.tenant, config.tenant_concurrent_calls, RefusalReason.QUOTA))
    if config.limits.max_concurrent_calls is not None:
        most = config.limits.max_concurrent_calls
        found.append((f"agent:{config.key}", most, RefusalReason.AGENT_QUOTA))
    return found
