"""The plan: every object of one model server."""

from switchboard_operator.desired.models import (
    autoscaler,
    cache,
    deployment,
    gpu,
    network_policy,
    pod_monitor,
    ports,
)
from switchboard_operator.desired.models.names import selector
from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET,
    POD_MONITOR,
    RESOURCE_CLAIM,
    RESOURCE_CLAIM_TEMPLATE,
    SCALED_OBJECT,
    SERVICE,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import WorkerSettings

Planned = tuple[Kind, Object]


FOLLOWED = (
    DEPLOYMENT,
    SERVICE,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    POD_MONITOR,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
)
"""Kinds that `plan` may return, in its order."""


def plan(server: Server, settings: WorkerSettings) -> tuple[Planned, ...]:
    """Return what should be followed: made, changed and put right.

    Who may connect, who scrapes and what scales is said once, for workers and model servers.
    """
    objects: list[Planned] = [
        (DEPLOYMENT, deployment.build(server)),
        (SERVICE, _service(server)),
        (POD_DISRUPTION_BUDGET, _disruption_budget(server)),
    ]
    if settings.network.enabled:
        objects.append((NETWORK_POLICY, network_policy.build(server, settings.network)))
    if settings.monitor.enabled:
        objects.append((POD_MONITOR, pod_monitor.build(server, settings.monitor)))
    return (*objects, *autoscaler.build(server, settings.metrics))


def claims(server: Server) -> tuple[Planned, ...]:
    """Return what is made once: claims cannot be changed."""
    found = (
        (PERSISTENT_VOLUME_CLAIM, cache.claim(server)),
        (RESOURCE_CLAIM, gpu.claim(server)),
        (RESOURCE_CLAIM_TEMPLATE, gpu.template(server)),
    )
    return tuple((kind, obj) for kind, obj in found if obj is not None)


def _service(server: Server) -> Object:
    numbers = {"http": ports.VLLM_HTTP}
    if not server.is_vllm:
        numbers = {
            "http": ports.TRITON_HTTP,
            "grpc": ports.TRITON_GRPC,
            "metrics": ports.TRITON_METRICS,
        }
    spec = {
        "selector": selector(server.name),
        "ports": [
            {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
            for name, port in numbers.items()
        ],
    }
    return server.child(SERVICE, {"spec": spec})


def _disruption_budget(server: Server) -> Object:
    """Return the PodDisruptionBudget: a drain takes one pod at a time, and never waits for ever."""
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": selector(server.name)},
    }
    return server.child(POD_DISRUPTION_BUDGET, {"spec": spec})
