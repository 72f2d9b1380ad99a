"""The Deployment of a model server.

A rollout adds the new pod and keeps the old one until the new one answers. Where servers share one
GPU there is no room for both, so the old one goes first.
"""

from switchboard_contract import names
from switchboard_operator.desired.deployment import MIN_WORKERS
from switchboard_operator.desired.models import cache, drain, gpu, triton, vllm
from switchboard_operator.desired.models.names import selector
from switchboard_operator.desired.models.server import Server
from switchboard_operator.desired.pod_template import merge
from switchboard_operator.kube.kinds import DEPLOYMENT
from switchboard_operator.kube.objects import Object

IMAGE_SECONDS = 900
"""Beside the loading of the model: pulling an image of ten gigabytes, waiting for a node."""

GPU_CLAIM = f"{names.GROUP}/gpu-claim"
"""Annotation of the pod: changes with the template of its claim, so that pods are rolled."""

_USER = 1000
"""uid of Triton's own user; vLLM runs under any that has a home."""


def build(server: Server) -> Object:
    """Return the Deployment, with the replicas to create it with."""
    spec = {
        "replicas": server.replicas,
        "revisionHistoryLimit": 2,
        "progressDeadlineSeconds": server.settings.load_timeout_seconds + IMAGE_SECONDS,
        "selector": {"matchLabels": selector(server.name)},
        "strategy": _strategy(server),
        "template": merge(
            pod_template(server), server.profile.pod_templates.get(server.ask.engine, {})
        ),
    }
    annotations = {
        MIN_WORKERS: str(server.replicas),
        names.ANNOTATION_LONGEST_CALL: str(server.longest_call_seconds),
    }
    return server.child(DEPLOYMENT, {"spec": spec}, annotations=annotations)


def pod_template(server: Server) -> Object:
    """Return the pod template as the operator makes it, before the platform's is merged over it."""
    metadata: Object = {"labels": server.labels}
    if claim := gpu.claim_hash(server):
        metadata["annotations"] = {GPU_CLAIM: claim}
    return {"metadata": metadata, "spec": _pod(server)}


def _strategy(server: Server) -> Object:
    if server.is_colocated:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def _pod(server: Server) -> Object:
    profile, settings = server.profile, server.settings
    pod: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # a Service called vllm would set VLLM_PORT
        "terminationGracePeriodSeconds": drain.grace_seconds(settings),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_hardened(_container(server))],
        "volumes": _volumes(server),
    }
    if not server.is_vllm and settings.triton.repository is not None:
        found = triton.init_containers(settings.triton.repository)
        pod["initContainers"] = [_hardened(container) for container in found]
    optional = {
        "nodeSelector": profile.node_selector,
        "tolerations": [
            t.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
            for t in profile.tolerations
        ],
        "runtimeClassName": profile.runtime_class_name,
        "resourceClaims": gpu.pod_claims(server),
        "imagePullSecrets": (
            [{"name": settings.image_pull_secret}] if settings.image_pull_secret else []
        ),
    }
    if not server.is_colocated:
        optional["topologySpreadConstraints"] = [_spread(server)]
    return {key: value for key, value in (pod | optional).items() if value not in (None, [], {})}


def _container(server: Server) -> Object:
    container = vllm.container(server) if server.is_vllm else triton.container(server)
    mounts = [
        cache.mount(),
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  the pod's own
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the same
    ]
    if not server.is_vllm:
        mounts.append(triton.repository_mount())
    return container | {"volumeMounts": mounts}


def _volumes(server: Server) -> list[Object]:
    shared = {"medium": "Memory", "sizeLimit": server.profile.shared_memory}
    volumes = [
        cache.volume(server),
        {"name": "shm", "emptyDir": shared},
        {"name": "tmp", "emptyDir": {}},
    ]
    repository = server.settings.triton.repository
    if not server.is_vllm and repository is not None:
        volumes.append(triton.repository_volume(repository))
    return volumes


def _hardened(container: Object) -> Object:
    return container | {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    }


def _spread(server: Server) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(server.name)},
    }
