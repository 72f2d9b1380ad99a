"""How a server gets at its GPUs: whole ones, or one that several servers share.

Whole ones come from a device plugin, or by a claim that each pod has of its own.
Colocated servers of a profile name one ResourceClaim (dynamic resource allocation), so that the
scheduler puts them on the one node that holds its GPU. The claim belongs to the profile and goes
with its last colocated server.
"""

import hashlib
import json

from switchboard_contract import names
from switchboard_operator.desired.models.server import GPU_PROFILE_LABEL, Server
from switchboard_operator.kube.kinds import RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE
from switchboard_operator.kube.objects import Object

_REQUEST = "gpu"


def claim_name(profile: str) -> str:
    """Return the name of the ResourceClaim of a profile."""
    return f"colocated-{profile}"[:63].rstrip("-")


def claim(server: Server) -> Object | None:
    """Return the claim that the colocated servers of the profile share."""
    colocated = server.profile.colocated
    if not server.is_colocated or colocated is None:
        return None
    return {
        "apiVersion": RESOURCE_CLAIM.api_version,
        "kind": RESOURCE_CLAIM.kind,
        "metadata": {
            "name": claim_name(server.ask.gpu_profile),
            "namespace": server.namespace,
            "labels": {
                names.LABEL_MANAGED_BY: names.MANAGED_BY,
                GPU_PROFILE_LABEL: server.ask.gpu_profile,
            },
        },
        "spec": _devices(colocated.device_class, 1),
    }


def template(server: Server) -> Object | None:
    """Return the template of which each pod of the server gets a claim of its own."""
    if (spec := _own_devices(server)) is None:
        return None
    body = {"spec": {"metadata": {"labels": server.labels}, "spec": spec}}
    return server.child(RESOURCE_CLAIM_TEMPLATE, body)


def claim_hash(server: Server) -> str:
    """Return what changes with the template, so that pods are rolled; empty without one."""
    if (spec := _own_devices(server)) is None:
        return ""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:10]


def shares_gpu(deployment: Object) -> bool:
    """Tell whether the pods of a Deployment use the claim of their profile."""
    claims = deployment["spec"]["template"]["spec"].get("resourceClaims") or []
    return any("resourceClaimName" in one for one in claims)


def _own_devices(server: Server) -> Object | None:
    device_class = server.profile.device_class
    if server.is_colocated or device_class is None:
        return None
    return _devices(device_class, server.profile.count)


def _devices(device_class: str, count: int) -> Object:
    exactly = {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": count}
    return {"devices": {"requests": [{"name": _REQUEST, "exactly": exactly}]}}


def resources(server: Server) -> Object:
    """Return the container's resources."""
    profile = server.profile
    found: Object = {"requests": {"cpu": profile.cpu, "memory": profile.memory}}
    if server.is_colocated or profile.device_class is not None:
        found["claims"] = [{"name": _REQUEST}]
    elif profile.count:
        gpus = {profile.resource_name: str(profile.count)}
        found["requests"] |= gpus
        found["limits"] = gpus
    return found


def pod_claims(server: Server) -> list[Object]:
    """Return the pod's resourceClaims."""
    if server.is_colocated:
        return [{"name": _REQUEST, "resourceClaimName": claim_name(server.ask.gpu_profile)}]
    if server.profile.device_class is not None:
        return [{"name": _REQUEST, "resourceClaimTemplateName": server.name}]
    return []
