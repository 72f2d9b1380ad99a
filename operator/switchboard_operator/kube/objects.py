"""Kubernetes objects as plain dicts: reading what matters, and trimming what does not.

Dicts instead of model classes: a reconcile touches ten objects, and building classes for them
cost half the CPU of it when measured. `trim` keeps what planning and comparing need, and what one
object has in common with another it keeps once, so that a thousand agents with eleven children each
fit in memory. So nobody changes an object that was trimmed: others may have parts of it.
"""

import hashlib
import sys
from itertools import zip_longest
from typing import Any

from switchboard_contract import names
from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    OF_PEOPLE,
    SCALED_OBJECT,
    SECRET,
    Kind,
)

Object = dict[str, Any]
"""One Kubernetes object, or a part of one, as JSON."""

APPLIED_HASH = f"{names.GROUP}/applied-hash"
"""Annotation: hash of what was last applied; tells of removals, which a subset cannot."""

_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "labels",
    "finalizers",
)
_BODY = (
    "spec",
    "status",
    "data",
    "type",
    "immutable",
    "rules",
    "roleRef",
    "subjects",
    "automountServiceAccountToken",
)
_STATUS = (
    "observedGeneration",
    "replicas",
    "readyReplicas",
    "updatedReplicas",
    "availableReplicas",
)
_SHARED_CHARACTERS = 64
"""Longer texts are hardly ever the same."""
_OWN_KINDS = frozenset({"VoiceAgent", "Tenant"})
_TELL = frozenset({DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT})
"""Kinds of children whose status somebody reads."""


def trim(kind: Kind, raw: Object, like: Object | None = None) -> Object:
    """Return what is worth keeping of an object as the API server sent it.

    Equal parts are taken from `like`, a trimmed object of the same kind. Not for a kind that people
    write: it may hold JSON of any type, where `true` and 1 are equal to Python.
    """
    common: Object = {} if like is None or kind in OF_PEOPLE else like
    meta = raw["metadata"]
    kept = {key: meta[key] for key in _METADATA if key in meta}
    if kind.kind in _OWN_KINDS and "creationTimestamp" in meta:
        kept["creationTimestamp"] = meta["creationTimestamp"]
    annotations = meta.get("annotations") or {}
    if ours := {k: v for k, v in annotations.items() if k.startswith(f"{names.GROUP}/")}:
        kept["annotations"] = ours
    if owners := [_owner(o) for o in meta.get("ownerReferences") or [] if o.get("controller")]:
        kept["ownerReferences"] = owners
    kept["posted"] = any(_is_post(entry) for entry in meta.get("managedFields") or [])
    out: Object = {"metadata": kept}
    out |= {key: raw[key] for key in _BODY if key in raw}
    return {key: _shared(part, common.get(key)) for key, part in _trim_body(kind, out).items()}


def _trim_body(kind: Kind, out: Object) -> Object:
    if kind is CONFIG_MAP:
        line = (out.pop("data", None) or {}).get(names.LINE_KEY)
        if line is not None:  # the one thing in a ConfigMap of ours that changes in place
            out["data"] = {names.LINE_KEY: fingerprint(line)}
    if kind is SECRET:
        out["data"] = {k: fingerprint(v) for k, v in (out.get("data") or {}).items()}
    if "status" in out and kind.kind not in _OWN_KINDS:
        status = out.pop("status")
        if kind not in _TELL:
            return out
        out["status"] = {key: status[key] for key in _STATUS if key in status}
        if conditions := status.get("conditions"):
            out["status"]["conditions"] = [
                {key: c.get(key, "") for key in ("type", "status", "reason", "message")}
                for c in conditions
            ]
    return out


def _shared(part: Any, like: Any = None) -> Any:  # noqa: ANN401  JSON
    """Return the same with what `like` has too taken from it, and other short texts kept once."""
    if isinstance(part, str):
        return sys.intern(part) if len(part) <= _SHARED_CHARACTERS else part
    if not isinstance(part, dict | list):
        return part
    if part == like:
        return like
    if isinstance(part, dict):
        others = like if isinstance(like, dict) else {}
        return {key: _shared(value, others.get(key)) for key, value in part.items()}
    rest = like[: len(part)] if isinstance(like, list) else ()
    return [_shared(value, other) for value, other in zip_longest(part, rest)]


def _owner(reference: Object) -> Object:
    return {key: reference[key] for key in ("kind", "name", "uid", "controller")}


def _is_post(entry: Object) -> bool:
    return (
        entry.get("manager") == names.FIELD_MANAGER
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
    )


def comparable(kind: Kind, desired: Object) -> Object:
    """Return the part of a wanted object that a trimmed observed one can answer for."""
    body = {k: v for k, v in desired.items() if k not in {"apiVersion", "kind", "metadata"}}
    meta = {"labels": desired["metadata"].get("labels", {})}
    body = _trim_body(kind, body)
    return {"metadata": meta, **body}


def fingerprint(text: str) -> str:
    """Return a short hash: stands for a secret value without being it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def name_of(obj: Object) -> str:
    """Return metadata.name."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Object) -> str:
    """Return metadata.namespace; empty for cluster-scoped objects."""
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Object) -> str:
    """Return metadata.uid."""
    return str(obj["metadata"]["uid"])


def version_of(obj: Object) -> int:
    """Return metadata.resourceVersion as a number: they grow with each write."""
    return int(obj["metadata"]["resourceVersion"])


def labels_of(obj: Object) -> dict[str, str]:
    """Return the labels."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return the annotations."""
    return obj["metadata"].get("annotations") or {}


def is_deleting(obj: Object) -> bool:
    """Tell whether the object waits for its finalizers."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def owner_uid(obj: Object) -> str:
    """Return the UID of the controlling owner; empty if nobody controls the object."""
    for reference in obj["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def owner_name(kind: str, obj: Object) -> str:
    """Return the name of the controlling owner if it is of this kind, else nothing."""
    for reference in obj["metadata"].get("ownerReferences") or []:
        if reference.get("controller") and reference.get("kind") == kind:
            return str(reference["name"])
    return ""
