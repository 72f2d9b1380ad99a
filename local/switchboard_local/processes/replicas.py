"""Decides what happens to the worker processes of one Deployment. Pure.

The rules are those of a rolling update: processes of the wanted template are started until there
are enough, and others leave once enough of the new ones are ready. A process that has been asked
to leave drains its calls and counts no longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Replica:
    """One worker process."""

    name: str
    template: str
    """Hash of the pod template it was started from."""
    ready: bool
    leaving: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now."""

    start: int
    """How many processes of the wanted template to start."""
    leave: tuple[str, ...]
    """Names of processes to ask to leave."""


def decide(replicas: Sequence[Replica], *, wanted: int, template: str) -> Decision:
    """Return the next step towards `wanted` processes of `template`."""
    staying = [replica for replica in replicas if not replica.leaving]
    current = [replica for replica in staying if replica.template == template]
    outdated = [replica for replica in staying if replica.template != template]
    # Those that are not ready are the cheapest to lose.
    surplus = sorted(current, key=lambda replica: not replica.ready)[wanted:]
    enough = sum(replica.ready for replica in current) >= wanted
    return Decision(
        start=max(0, wanted - len(current)),
        leave=tuple(replica.name for replica in [*surplus, *(outdated if enough else [])]),
    )


def deployment_status(
    replicas: Sequence[Replica], *, wanted: int, template: str, generation: int, problem: str = ""
) -> dict[str, Any]:
    """Return the status that the deployment controller would have written.

    `problem` says why no worker can be started; the operator passes it on to the VoiceAgent.
    """
    staying = [replica for replica in replicas if not replica.leaving]
    ready = sum(replica.ready for replica in staying)
    available = ready >= wanted
    return {
        "observedGeneration": generation,
        "replicas": len(staying),
        "updatedReplicas": sum(replica.template == template for replica in staying),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, wanted - ready),
        "conditions": [
            {
                "type": "Available",
                "status": "True" if available else "False",
                "reason": "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
                "message": f"{ready} of {wanted} worker processes are ready",
            },
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable" if available else "ReplicaSetUpdated",
                "message": "worker processes run beside the control plane",
            },
            *([_failure(problem)] if problem else []),
        ],
    }


def _failure(problem: str) -> dict[str, Any]:
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": problem,
    }
