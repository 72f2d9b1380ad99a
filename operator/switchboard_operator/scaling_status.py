"""ScalingReady: whether the number of workers follows the calls, and if not, why. Pure.

Only where autoscaling is asked for (`scaling.max` above `scaling.min`). It is not rolled up: Ready
means *can take a call now*, and a pool that cannot grow still takes calls with what it has.
"""

from dataclasses import dataclass

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import ConditionType, Reason
from switchboard_contract.heartbeat import STALE_SECONDS
from switchboard_operator.heartbeats import PoolLoad
from switchboard_operator.kube.objects import Object, name_of
from switchboard_operator.kube.progress import autoscaler_trouble, conditions_by_type
from switchboard_operator.settings import MetricsProvider
from switchboard_operator.status import Finding

_KIND = ConditionType.SCALING_READY


@dataclass(frozen=True, slots=True)
class ScalingSeen:
    """What is known about the scaling of one pool."""

    provider: MetricsProvider
    problem: str
    """Why no autoscaler of this installation can work; empty if one can."""
    autoscaler: Object | None
    pool: str
    load: PoolLoad | None
    """None without a fresh heartbeat."""
    maximum: int
    spare_calls: int = 0
    """Places to keep free beside live calls."""


def scaling_ready(seen: ScalingSeen) -> Finding:
    """Return the condition of a pool whose number of workers may move."""
    if seen.autoscaler is None:
        why = seen.problem or "it is being made"
        return _false(Reason.AUTOSCALER_MISSING, f"there is no autoscaler: {why}")
    if seen.problem:
        return _false(
            Reason.METRICS_UNAVAILABLE, f"the number of workers stays as it is: {seen.problem}"
        )
    if seen.provider is MetricsProvider.BUILTIN and (seen.load is None or not seen.load.workers):
        return _false(
            Reason.NO_SAMPLES,
            f"no worker has sent a heartbeat for {STALE_SECONDS:.0f} s, so the number of workers "
            "stays as it is: see WorkersReady, and that workers and operator reach Redis; "
            f"'kubectl get pods -l switchboard.dev/pool={seen.pool}'",
        )
    return _from_autoscaler(seen, seen.autoscaler)


def _from_autoscaler(seen: ScalingSeen, autoscaler: Object) -> Finding:
    found = conditions_by_type(autoscaler)
    where = f"see 'kubectl describe {_short(seen.provider)} {name_of(autoscaler)}'"
    if said := autoscaler_trouble(autoscaler):
        return _false(
            Reason.METRICS_UNAVAILABLE, f"the number of workers stays as it is: {said}; {where}"
        )
    if not any(name in found for name in ("Ready", "ScalingActive")):
        message = f"the autoscaler has not looked yet; {where}"
        return Finding(_KIND, ConditionStatus.UNKNOWN, Reason.PENDING, message)
    limited = found.get("ScalingLimited", {"status": "False", "reason": ""})
    if limited["status"] == "True" and limited["reason"] == "TooManyReplicas":
        return _false(
            Reason.AT_MAXIMUM,
            f"more than the {seen.maximum} workers of scaling.max are needed: raise scaling.max or "
            "scaling.callsPerWorker, or calls will be refused",
        )
    message = f"the number of workers follows the calls{_not_counted(seen)}"
    return Finding(_KIND, ConditionStatus.TRUE, Reason.SCALING_READY, message)


def _not_counted(seen: ScalingSeen) -> str:
    """Say what the provider cannot do: prometheus-adapter's query knows no number of a pool's."""
    if seen.provider is not MetricsProvider.PROMETHEUS_ADAPTER or not seen.spare_calls:
        return ""
    return (
        f"; scaling.spareCalls ({seen.spare_calls}) is not counted: metrics.provider of the chart "
        "is prometheus-adapter, add it to the adapter's query or choose builtin or keda"
    )


def _short(provider: MetricsProvider) -> str:
    return "scaledobject" if provider is MetricsProvider.KEDA else "hpa"


def _false(reason: Reason, message: str) -> Finding:
    return Finding(_KIND, ConditionStatus.FALSE, reason, message)
