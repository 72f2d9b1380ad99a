"""A worker pool: pods that serve one VoiceAgent, or all that name the pool.

Its name is also LiveKit's agent_name. Everything around worker pods is made from a `Pool` and knows
nothing else, so that an agent's own pool and a pool of a Tenant are the same objects.
"""

from dataclasses import dataclass

from switchboard_contract.crd.scaling import Placement, Scaling
from switchboard_contract.crd.tenant import Isolation
from switchboard_operator.desired.meta import Owned
from switchboard_operator.desired.secret_files import SecretFiles
from switchboard_operator.kube.objects import Object


@dataclass(frozen=True, slots=True)
class Pool:
    """One worker pool."""

    name: str
    """LiveKit's agent_name, and the label that selects the pods."""
    worker: str
    """Name of the Deployment and of the other objects around the workers."""
    owned: Owned
    tenant_name: str
    isolation: Isolation
    scaling: Scaling
    max_call_seconds: int
    """Longest call of any agent served: the time that a worker gets to finish its calls."""
    placement: Placement
    pod_template: Object | None
    """Partial pod template merged over the rendered one; see `pod_template`."""
    secrets: tuple[SecretFiles, ...] = ()
    """Keys of the agent's language models; a shared pool has none."""
    twilio_service: str = ""
    """Name of the Service through which Twilio reaches the workers; empty if it does not."""
    target_p95_ms: int | None = None
    """Turn latency above which workers are added; None where calls alone decide."""

    @property
    def namespace(self) -> str:
        """Where the pods run."""
        return self.owned.namespace
