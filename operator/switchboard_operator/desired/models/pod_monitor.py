"""The PodMonitor of a model server: how a Prometheus operator, where there is one, scrapes it."""

from switchboard_contract import names
from switchboard_operator.desired.models.names import selector
from switchboard_operator.desired.models.server import ENGINE_LABEL, GPU_PROFILE_LABEL, Server
from switchboard_operator.desired.names import NAME_LABEL
from switchboard_operator.kube.kinds import POD_MONITOR
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import MonitorSettings


def build(server: Server, settings: MonitorSettings) -> Object:
    """Return the PodMonitor."""
    endpoint: Object = {"port": "http" if server.is_vllm else "metrics", "path": "/metrics"}
    if settings.interval:
        endpoint["interval"] = settings.interval
    spec: Object = {
        "jobLabel": NAME_LABEL,
        "podTargetLabels": [names.LABEL_MODEL_SERVER, ENGINE_LABEL, GPU_PROFILE_LABEL],
        "selector": {"matchLabels": selector(server.name)},
        "podMetricsEndpoints": [endpoint],
    }
    monitor = server.child(POD_MONITOR, {"spec": spec})
    monitor["metadata"]["labels"] = dict(settings.labels) | server.labels
    return monitor
