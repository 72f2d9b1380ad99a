"""The Service of the workers: where Prometheus finds their metrics. Calls do not pass through it.

Headless, and with pods that are not ready too: a worker that drains still has calls to report.
"""

from switchboard_operator.desired import meta
from switchboard_operator.desired.deployment import HTTP_PORT
from switchboard_operator.desired.names import selector
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import SERVICE
from switchboard_operator.kube.objects import Object


def build(pool: Pool) -> Object:
    """Return the Service."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(pool.name),
        "ports": [{"name": "http", "port": HTTP_PORT, "targetPort": "http", "protocol": "TCP"}],
    }
    return meta.child(SERVICE, pool.owned, pool.worker, {"spec": spec})
