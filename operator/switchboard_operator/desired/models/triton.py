"""Triton: one model of the platform's repository, over gRPC and HTTP.

`explicit` model control loads this one model and no other: a repository holds many. A model may be
loaded or unloaded by request, but nothing in the repository changes a server by itself.
"""

from switchboard_operator.desired.models import cache, drain, gpu, ports
from switchboard_operator.desired.models.probes import probes
from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import TritonRepository

_VOLUME = "repository"
_MOUNT = "/repository"
_FULL = 0.95
"""Share of a shared GPU's memory in use above which no model is loaded: refused with a clear
message instead of an allocation that fails in the middle of somebody's sentence."""


def container(server: Server) -> Object:
    """Return the container."""
    numbers = {
        "http": ports.TRITON_HTTP,
        "grpc": ports.TRITON_GRPC,
        "metrics": ports.TRITON_METRICS,
    }
    return {
        "name": "triton",
        "image": server.settings.images.triton,
        "command": ["tritonserver"],
        "args": _args(server),
        "env": [{"name": "HOME", "value": cache.PATH}],
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in numbers.items()
        ],
        **probes(
            ready="/v2/health/ready",
            live="/v2/health/live",
            load_timeout_seconds=server.settings.load_timeout_seconds,
        ),
        "lifecycle": drain.lifecycle(),
        "resources": gpu.resources(server),
    }


def repository_mount() -> Object:
    """Return the container's mount of the repository."""
    return {"name": _VOLUME, "mountPath": _MOUNT, "readOnly": True}


def repository_volume(repository: TritonRepository) -> Object:
    """Return the pod's volume with the models in it."""
    if repository.claim is not None:
        source: Object = {
            "persistentVolumeClaim": {"claimName": repository.claim, "readOnly": True}
        }
    elif repository.oci is not None:
        source = {"image": {"reference": repository.oci, "pullPolicy": "IfNotPresent"}}
    else:
        source = {"emptyDir": {}}
    return {"name": _VOLUME, **source}


def init_containers(repository: TritonRepository) -> list[Object]:
    """Return what fills the volume: a copy out of the repository's image, if it is one."""
    if repository.image is None:
        return []
    return [
        {
            "name": _VOLUME,
            "image": repository.image,
            "command": ["cp", "-R", f"{repository.path.rstrip('/')}/.", f"{_MOUNT}/"],
            "volumeMounts": [{"name": _VOLUME, "mountPath": _MOUNT}],
        }
    ]


def _args(server: Server) -> list[str]:
    triton = server.settings.triton
    repository = triton.repository
    inside = "" if repository is None or repository.image is not None else repository.path
    return [
        f"--model-repository={_MOUNT}{inside.rstrip('/')}",
        "--model-control-mode=explicit",
        f"--load-model={server.ask.model}",
        "--strict-readiness=true",
        f"--http-port={ports.TRITON_HTTP}",
        f"--grpc-port={ports.TRITON_GRPC}",
        f"--metrics-port={ports.TRITON_METRICS}",
        "--rate-limit=execution_count",
        f"--exit-timeout-secs={server.settings.drain_seconds}",
        f"--pinned-memory-pool-byte-size={triton.pinned_memory_pool_bytes}",
        *([f"--model-load-gpu-limit=0:{_FULL}"] if server.is_colocated else []),
    ]
