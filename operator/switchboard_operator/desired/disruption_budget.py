"""The PodDisruptionBudget: node drains take one worker at a time.

Not `minAvailable`: with a single worker that would block every node drain for ever. A worker that
is evicted finishes its calls within its grace period all the same.
"""

from switchboard_operator.desired import meta
from switchboard_operator.desired.names import selector
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import POD_DISRUPTION_BUDGET
from switchboard_operator.kube.objects import Object


def build(pool: Pool) -> Object:
    """Return the PodDisruptionBudget."""
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": selector(pool.name)},
    }
    return meta.child(POD_DISRUPTION_BUDGET, pool.owned, pool.worker, {"spec": spec})
