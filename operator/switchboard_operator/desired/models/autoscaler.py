"""What scales a model server: a HorizontalPodAutoscaler, or KEDA's ScaledObject in its place.

Only where an agent asks for a range of replicas. The signal of `builtin` and `keda` is the live
calls whose next question goes to the server, as the workers tell: it rises when a call begins,
before anything queues. An adapter for Prometheus knows what the server itself tells: requests that
wait. A new pod needs minutes to load; the average is over pods that exist, so none is added twice.
"""

from switchboard_contract import names
from switchboard_operator.desired.autoscaler import TARGET_UTILISATION
from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import MetricsProvider, MetricsSettings

MODEL_SERVER_CALLS = "switchboard_model_server_calls"
"""Served by the operator: live calls whose next question goes to a model server."""

VLLM_WAITING = "vllm:num_requests_waiting"
TRITON_WAITING = "nv_inference_pending_request_count"

PROMETHEUS_LABEL = "switchboard_dev_model_server"
"""The server's label as Prometheus spells it, put on the series by the PodMonitor."""

MOST_WAITING = 2
"""Requests waiting in a pod above which one is added: a caller waits for each."""

STABILIZATION_SECONDS = 300
"""How long fewer pods must suffice: loading one again takes minutes."""


def build(server: Server, settings: MetricsSettings) -> tuple[tuple[Kind, Object], ...]:
    """Return the one autoscaler, if any."""
    if not server.is_autoscaled:
        return ()
    if settings.provider is MetricsProvider.KEDA:
        return ((SCALED_OBJECT, server.child(SCALED_OBJECT, _scaled_object(server, settings))),)
    spec = {
        "scaleTargetRef": _target(server),
        "minReplicas": server.replicas,
        "maxReplicas": server.most_replicas,
        "metrics": [_signal(server, settings)],
        "behavior": _behavior(),
    }
    autoscaler = server.child(HORIZONTAL_POD_AUTOSCALER, {"spec": spec})
    return ((HORIZONTAL_POD_AUTOSCALER, autoscaler),)


def _signal(server: Server, settings: MetricsSettings) -> Object:
    if settings.provider is MetricsProvider.BUILTIN:
        metric, label, average = MODEL_SERVER_CALLS, names.LABEL_MODEL_SERVER, _per_pod(server)
    else:
        metric = VLLM_WAITING if server.is_vllm else TRITON_WAITING
        label, average = PROMETHEUS_LABEL, str(MOST_WAITING)
    return {
        "type": "External",
        "external": {
            "metric": {"name": metric, "selector": {"matchLabels": {label: server.name}}},
            "target": {"type": "AverageValue", "averageValue": average},
        },
    }


def _per_pod(server: Server) -> str:
    """Return calls per pod as the API server spells it, or it would differ at every look."""
    milli = round(server.profile.calls_per_replica * 1000 * TARGET_UTILISATION)
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def _scaled_object(server: Server, settings: MetricsSettings) -> Object:
    metadata = {
        "url": f"{settings.models_url}/{server.namespace}/{server.name}",
        "valueLocation": "calls",
        "targetValue": f"{server.profile.calls_per_replica * TARGET_UTILISATION:g}",
    }
    trigger = {"type": "metrics-api", "metricType": "AverageValue", "metadata": metadata}
    return {
        "spec": {
            "scaleTargetRef": _target(server),
            "minReplicaCount": server.replicas,
            "maxReplicaCount": server.most_replicas,
            "pollingInterval": 5,
            "triggers": [trigger],
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior()}},
        }
    }


def _target(server: Server) -> Object:
    return {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": server.name}


def _behavior() -> Object:
    up = {"type": "Pods", "value": 4, "periodSeconds": 60}
    down = {"type": "Pods", "value": 1, "periodSeconds": 60}
    return {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [up]},
        "scaleDown": {
            "stabilizationWindowSeconds": STABILIZATION_SECONDS,
            "selectPolicy": "Max",
            "policies": [down],
        },
    }
