"""How a model server ends: new requests stop coming first, then those it has are finished.

    preStop sleep  ->  SIGTERM, the server finishes its requests  ->  margin  ->  SIGKILL
    (endpoints go)     (drain seconds, a flag of the server)

By default vLLM drops its requests on SIGTERM: a caller would hear the agent break off.
"""

from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import ModelServerSettings

PRE_STOP_SECONDS = 15
"""Until every node has taken the pod out of the Service."""

MARGIN_SECONDS = 15
"""After the drain: freeing GPU memory, ending child processes."""


def grace_seconds(settings: ModelServerSettings) -> int:
    """Return terminationGracePeriodSeconds."""
    return PRE_STOP_SECONDS + settings.drain_seconds + MARGIN_SECONDS


def lifecycle() -> Object:
    """Return the container's lifecycle. By command: the sleep action is not in Kubernetes 1.29."""
    return {"preStop": {"exec": {"command": ["/bin/sleep", str(PRE_STOP_SECONDS)]}}}
