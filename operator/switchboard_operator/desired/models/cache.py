"""The cache of a server: downloaded weights, compiled kernels. It is also the pods' home.

A claim that all pods share is one object of the server. Otherwise each pod has a volume of its own
that goes with it: a ReadWriteOnce claim shared by name would keep the pod that a rollout adds from
starting on another node, for ever.
"""

from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.kinds import PERSISTENT_VOLUME_CLAIM
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import CacheStorage

PATH = "/cache"
VOLUME = "cache"


def claim(server: Server) -> Object | None:
    """Return the claim that all pods share, if the profile has one."""
    storage = _storage(server)
    if storage is None or not storage.shared:
        return None
    return server.child(PERSISTENT_VOLUME_CLAIM, {"spec": _claim(storage, "ReadWriteMany")})


def volume(server: Server) -> Object:
    """Return the pod's volume."""
    storage = _storage(server)
    if storage is None:
        return {"name": VOLUME, "emptyDir": {}}
    if storage.shared:
        return {"name": VOLUME, "persistentVolumeClaim": {"claimName": server.name}}
    template = {"metadata": {"labels": server.labels}, "spec": _claim(storage, "ReadWriteOnce")}
    return {"name": VOLUME, "ephemeral": {"volumeClaimTemplate": template}}


def mount() -> Object:
    """Return the container's mount."""
    return {"name": VOLUME, "mountPath": PATH}


def _storage(server: Server) -> CacheStorage | None:
    """Return the storage of the profile. Triton needs none: its models come from the repository."""
    return server.profile.cache_storage if server.is_vllm else None


def _claim(storage: CacheStorage, mode: str) -> Object:
    spec: Object = {
        "accessModes": [mode],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class is not None:
        spec["storageClassName"] = storage.storage_class
    return spec
