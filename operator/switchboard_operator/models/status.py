"""What to tell about model servers: `ModelsReady`. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.model_server import ModelServer
from switchboard_contract.crd.status import ConditionType, ModelServerStatus, Reason
from switchboard_operator.desired.inputs import Held
from switchboard_operator.kube.objects import Object
from switchboard_operator.kube.progress import ANSWERS, progress
from switchboard_operator.status import Finding, ModelUse


@dataclass(frozen=True, slots=True)
class Waits:
    """A revision that is not given calls yet, because model servers of it do not answer."""

    held: Held
    """What serves meanwhile."""
    servers: tuple[ModelServer, ...]
    """Model servers that it waits for."""
    keeps: tuple[ModelServer, ...]
    """Model servers of what serves: counted as long as they are needed."""


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """One model server of an agent, as it is in the cluster."""

    ask: ModelServer
    server: str
    url: str
    namespace: str
    deployment: Object | None
    error: str
    """Why it could not be made; empty if it could."""
    unscaled: str = ""
    """Why the number of its pods stays as it is although it may move; empty if it does not."""

    @property
    def is_ready(self) -> bool:
        """Whether a pod answers with the model loaded."""
        return progress(self.deployment) == ANSWERS


def model_use(
    servers: tuple[ModelServerStatus, ...], seen: Sequence[ServerSeen], waits: Waits | None
) -> ModelUse:
    """Return what a status says: the servers in use, and the condition, if any was asked for.

    What a revision waits for keeps nobody from taking calls: another one serves.
    """
    found = finding(seen, waits)
    return ModelUse(servers, (found,) if found else (), gates=waits is None)


def finding(seen: Sequence[ServerSeen], waits: Waits | None = None) -> Finding | None:
    """Return the condition; None for an agent that asks for no model server."""
    if not seen:
        return None
    goes_on = f"; revision {waits.held.revision} goes on serving until then" if waits else ""
    failing = [_failing(one) for one in seen if not one.is_ready and _reason(one)]
    if failing:
        return _false(Reason.MODELS_FAILING, "; ".join(failing) + goes_on)
    loading = [f"{one.ask.name} ({one.server})" for one in seen if not one.is_ready]
    if loading:
        return _false(
            Reason.HANDOVER_WAITING if waits else Reason.MODELS_LOADING,
            f"waiting for {', '.join(loading)}{goes_on}; a platform engineer sees more with "
            f"'kubectl get pods -n {seen[0].namespace} -l switchboard.dev/model-server'",
        )
    names = ", ".join(one.ask.name for one in seen)
    fixed = [f"{o.ask.name} stays at its number of pods: {o.unscaled}" for o in seen if o.unscaled]
    return Finding(
        ConditionType.MODELS_READY,
        ConditionStatus.TRUE,
        Reason.MODELS_READY,
        "; ".join([f"every model server answers: {names}", *fixed]),
    )


def _reason(seen: ServerSeen) -> str:
    return seen.error or progress(seen.deployment)


def _failing(seen: ServerSeen) -> str:
    see = f"see 'kubectl describe deployment {seen.server} -n {seen.namespace}'"
    return f"{seen.ask.name}: model server {seen.server}: {_reason(seen)}; {see}"


def _false(reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.MODELS_READY, ConditionStatus.FALSE, reason, message)
