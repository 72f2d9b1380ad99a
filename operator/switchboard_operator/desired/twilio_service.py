"""The Service through which Twilio reaches the workers: what an Ingress of the user's points at.

Only pods that are ready: a worker that drains keeps the streams it has and gets no new ones.
"""

from switchboard_operator.desired import meta
from switchboard_operator.desired.names import selector
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import SERVICE
from switchboard_operator.kube.objects import Object

PORT = 80


def build(pool: Pool) -> Object:
    """Return the Service."""
    port = {"name": "twilio", "port": PORT, "targetPort": "twilio", "protocol": "TCP"}
    spec = {"type": "ClusterIP", "selector": selector(pool.name), "ports": [port]}
    return meta.child(SERVICE, pool.owned, pool.twilio_service, {"spec": spec})
