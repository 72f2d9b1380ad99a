"""Which revision serves a call: that of the variant the call falls to, or the agent's own.

A variant whose revision is not there (pruned a moment ago, not valid in this version) must not cost
the call: the agent's own revision serves it, and the event is counted.
"""

from collections.abc import Awaitable, Callable

from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.variants import pick

Find = Callable[[DispatchMetadata], Awaitable[AgentConfig | None]]
OnFallback = Callable[[AgentConfig, str], None]
"""Called with the agent's own revision, which serves, and the name of the variant that did not."""


async def choose(
    dispatch: DispatchMetadata, room: str, find: Find, on_fallback: OnFallback
) -> tuple[DispatchMetadata, AgentConfig] | None:
    """Return the one revision that serves a call, alone in its dispatch; None if none is there."""
    own = dispatch.model_copy(update={"variants": []})
    share = pick(dispatch, room)
    if share is not None:
        chosen = own.model_copy(update={"revision": share.revision})
        if config := await find(chosen):
            return chosen, config
    config = await find(own)
    if config is None:
        return None
    if share is not None:
        on_fallback(config, share.name)
    return own, config
