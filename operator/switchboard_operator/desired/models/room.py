"""Whether the colocated servers of a GPU profile fit on its one GPU. Pure.

Each takes its engine's share of the memory. One more than fits would not start, or would make
another one fail in the middle of somebody's sentence, so it is refused; what is there stays.
"""

from collections.abc import Mapping, Sequence

from switchboard_contract.crd.model_server import ModelEngine, ModelPlacement, ModelServer
from switchboard_contract.crd.status import Reason
from switchboard_operator.desired.models.allowed import Fault
from switchboard_operator.desired.models.names import server_name
from switchboard_operator.models.settings import Colocation, ModelServerSettings

Colocated = Mapping[str, tuple[str, ModelEngine]]
"""GPU profile and engine of colocated servers, by name."""

_FULL = 1.0 + 1e-9
"""All of a GPU, and what adding up fractions may miss it by."""


def is_colocated(ask: ModelServer) -> bool:
    """Tell whether an ask shares a GPU."""
    return ask.placement is ModelPlacement.COLOCATED


def overfull(
    asks: Sequence[ModelServer], there: Colocated, settings: ModelServerSettings
) -> Fault | None:
    """Return why the asks do not fit beside the servers that are there, or None if they do."""
    mine = {server_name(a): (a.gpu_profile, a.engine) for a in asks if is_colocated(a)}
    for index, ask in enumerate(asks):
        profile = settings.gpu_profiles.get(ask.gpu_profile)
        if not is_colocated(ask) or profile is None or profile.colocated is None:
            continue
        asked = _sum(mine, ask.gpu_profile, profile.colocated)
        others = {name: one for name, one in there.items() if name not in mine}
        taken = _sum(others, ask.gpu_profile, profile.colocated)
        if asked + taken > _FULL:
            where = f"spec.modelServers[{index}].placement"
            return Reason.GPU_FULL, f"{where}: {_message(ask.gpu_profile, asked, taken)}"
    return None


def _sum(servers: Colocated, profile: str, colocated: Colocation) -> float:
    return sum(colocated.fraction(engine) for where, engine in servers.values() if where == profile)


def _message(profile: str, asked: float, taken: float) -> str:
    beside = f" beside {taken:.0%} that other servers have" if taken else ""
    return (
        f"the colocated servers asked for would take {asked:.0%} of the one GPU of profile "
        f"{profile}{beside}; ask for Dedicated, make room (a server that nobody asks for goes "
        f"after its grace time, looked at every ten minutes), or have the memory fractions under "
        f"modelServers.gpuProfiles.{profile}.colocated lowered in the chart"
    )
