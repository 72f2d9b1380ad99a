"""The PodMonitor: how a Prometheus operator, where there is one, finds the workers.

Each pod is scraped by itself, not through the Service: a worker's calls are its own.
"""

from switchboard_contract import names
from switchboard_operator.desired import meta
from switchboard_operator.desired.names import NAME_LABEL, selector
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import POD_MONITOR
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import MonitorSettings


def build(pool: Pool, settings: MonitorSettings) -> Object:
    """Return the PodMonitor."""
    endpoint: Object = {"port": "http", "path": "/metrics"}
    if settings.interval:
        endpoint["interval"] = settings.interval
    spec: Object = {
        "jobLabel": NAME_LABEL,
        "podTargetLabels": [names.LABEL_POOL, names.LABEL_TENANT],
        "selector": {"matchLabels": selector(pool.name)},
        "podMetricsEndpoints": [endpoint],
    }
    extra = {key: value for key, value in settings.labels if key not in pool.owned.labels}
    return meta.child(POD_MONITOR, pool.owned, pool.worker, {"spec": spec}, extra_labels=extra)
