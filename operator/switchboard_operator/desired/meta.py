"""Metadata that every child carries: labels to find it, the owner that takes it along."""

from dataclasses import dataclass

from switchboard_operator.kube.kinds import VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object


@dataclass(frozen=True, slots=True)
class Owned:
    """What the children of one owner have in common."""

    namespace: str
    labels: dict[str, str]
    owner: Object
    """The controlling ownerReference."""


def child(
    kind: Kind,
    owned: Owned,
    name: str,
    body: Object,
    *,
    extra_labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Object:
    """Return a whole child object."""
    metadata: Object = {
        "name": name,
        "namespace": owned.namespace,
        "labels": owned.labels | (extra_labels or {}),
        "ownerReferences": [owned.owner],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **body}


def controller(kind: Kind, name: str, uid: str) -> Object:
    """Return the ownerReference of the one controlling owner."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def voice_agent(name: str, uid: str) -> Object:
    """Return the ownerReference to a VoiceAgent."""
    return controller(VOICE_AGENT, name, uid)
