"""What scales a pool's workers: a HorizontalPodAutoscaler, or KEDA's ScaledObject in its place.

Calls are the signal: they are there before a caller feels anything, and one worker takes a known
number of them. Turn latency only guards: it rises late, so it may add workers and never takes one
away (an autoscaler goes by the highest of its signals). Neither kind mentions a number of workers
of the Deployment, and the operator then leaves that number alone between `min` and `max`.

Where workers find out by themselves how many calls they take (`callsPerWorker: auto`), the signal
is how many workers of that size the calls need.

Down goes one worker per longest call: the one taken away needs that long to finish, and which one
it is nobody chooses.
"""

from switchboard_contract import metrics, names
from switchboard_operator.desired import meta
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import MetricsProvider, MetricsSettings

GROUP = "external.metrics.k8s.io"
VERSION = "v1beta1"

ACTIVE_CALLS = metrics.ACTIVE_CALLS.name
TURN_LATENCY_P95 = "switchboard_turn_latency_p95_milliseconds"
WORKERS_NEEDED = "switchboard_workers_needed"
"""For pools whose workers find out by themselves how many calls they take: a number of workers."""

SPARE_CALLS_LABEL = f"{names.GROUP}/spare-calls"
"""In the metric's selector: places to keep free. The HPA carries it, so any replica can answer."""

PROMETHEUS_POOL_LABEL = "switchboard_dev_pool"
"""The pool label as Prometheus spells it, put on the series by the PodMonitor."""

TARGET_UTILISATION = 0.8
"""Share of `callsPerWorker` the autoscaler aims at: the rest takes the calls that come until the
next worker is warm."""

LONGEST_PERIOD_SECONDS = 1800
"""Kubernetes' bound of a scaling policy's period."""

AUTOSCALERS = (HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT)
"""Kinds of which a pool has at most one."""


def is_asked_for(pool: Pool) -> bool:
    """Tell whether the number of workers may move."""
    return pool.scaling.max > pool.scaling.min


def build(pool: Pool, settings: MetricsSettings) -> tuple[tuple[Kind, Object], ...]:
    """Return the one autoscaler, if any."""
    if not is_asked_for(pool):
        return ()
    if settings.provider is MetricsProvider.KEDA:
        spec = _scaled_object(pool, settings)
        return ((SCALED_OBJECT, meta.child(SCALED_OBJECT, pool.owned, pool.worker, spec)),)
    spec = _horizontal(pool, settings)
    return (
        (
            HORIZONTAL_POD_AUTOSCALER,
            meta.child(HORIZONTAL_POD_AUTOSCALER, pool.owned, pool.worker, spec),
        ),
    )


def kind_of(provider: MetricsProvider) -> Kind:
    """Return the kind of autoscaler of a provider."""
    return SCALED_OBJECT if provider is MetricsProvider.KEDA else HORIZONTAL_POD_AUTOSCALER


def _horizontal(pool: Pool, settings: MetricsSettings) -> Object:
    signals = [_signal(_calls_metric(pool), _selector(pool, settings), _per_worker(pool))]
    if pool.target_p95_ms is not None:
        target = {"type": "Value", "value": str(pool.target_p95_ms)}
        signals.append(_signal(TURN_LATENCY_P95, _pool_selector(pool, settings), target))
    return {
        "spec": {
            "scaleTargetRef": _target(pool),
            "minReplicas": pool.scaling.min,
            "maxReplicas": pool.scaling.max,
            "metrics": signals,
            "behavior": _behavior(pool),
        }
    }


def _scaled_object(pool: Pool, settings: MetricsSettings) -> Object:
    """KEDA asks the operator itself over HTTP: it owns the metrics API of the cluster."""
    base = f"{settings.pools_url}/{pool.namespace}/{pool.name}"
    calls = f"{base}?spare={pool.scaling.spare_calls}"
    most = pool.scaling.calls_per_worker
    triggers = [
        _trigger(calls, "workersNeeded", "1", "AverageValue")
        if most == "auto"
        else _trigger(calls, "calls", f"{most * TARGET_UTILISATION:g}", "AverageValue")
    ]
    if pool.target_p95_ms is not None:
        triggers.append(_trigger(base, "p95TurnMs", str(pool.target_p95_ms), "Value"))
    return {
        "spec": {
            "scaleTargetRef": _target(pool),
            "minReplicaCount": pool.scaling.min,
            "maxReplicaCount": pool.scaling.max,
            "pollingInterval": 5,
            "triggers": triggers,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(pool)}},
        }
    }


def _trigger(url: str, field: str, target: str, metric_type: str) -> Object:
    key = "targetValue"
    metadata = {"url": url, "valueLocation": field, key: target}
    return {"type": "metrics-api", "metricType": metric_type, "metadata": metadata}


def _target(pool: Pool) -> Object:
    return {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": pool.worker}


def _signal(name: str, selector: dict[str, str], target: Object) -> Object:
    metric = {"name": name, "selector": {"matchLabels": selector}}
    return {"type": "External", "external": {"metric": metric, "target": target}}


def _selector(pool: Pool, settings: MetricsSettings) -> dict[str, str]:
    selector = _pool_selector(pool, settings)
    if settings.provider is MetricsProvider.BUILTIN and pool.scaling.spare_calls:
        selector[SPARE_CALLS_LABEL] = str(pool.scaling.spare_calls)
    return selector


def _pool_selector(pool: Pool, settings: MetricsSettings) -> dict[str, str]:
    builtin = settings.provider is MetricsProvider.BUILTIN
    return {names.LABEL_POOL if builtin else PROMETHEUS_POOL_LABEL: pool.name}


def _calls_metric(pool: Pool) -> str:
    return WORKERS_NEEDED if pool.scaling.calls_per_worker == "auto" else ACTIVE_CALLS


def _per_worker(pool: Pool) -> Object:
    if pool.scaling.calls_per_worker == "auto":
        return {"type": "AverageValue", "averageValue": "1"}
    milli = round(pool.scaling.calls_per_worker * 1000 * TARGET_UTILISATION)
    # As the API server spells it, or else it would differ at every look.
    quantity = f"{milli}m" if milli % 1000 else str(milli // 1000)
    return {"type": "AverageValue", "averageValue": quantity}


def _behavior(pool: Pool) -> Object:
    behavior = pool.scaling.behavior
    up = {"type": "Pods", "value": behavior.scale_up_pods_per_minute, "periodSeconds": 60}
    period = min(pool.max_call_seconds, LONGEST_PERIOD_SECONDS)
    down = {"type": "Pods", "value": 1, "periodSeconds": period}
    return {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [up]},
        "scaleDown": {
            "stabilizationWindowSeconds": behavior.scale_down_stabilization_seconds,
            "selectPolicy": "Max",
            "policies": [down],
        },
    }
