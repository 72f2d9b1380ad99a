"""Merging a user's partial pod template over the rendered one, as Kubernetes would.

The rules are those of a strategic merge patch: maps are merged field by field, null removes a
field, lists whose entries have a name of their own (containers by name, volume mounts by path, ...)
are merged entry by entry, every other list is replaced. `$patch: delete` in an entry or a map
removes it; it says the same as null where null cannot travel (client-side `kubectl apply` drops
it). An entry that is a choice between sources (a volume, a variable) keeps only the fields that
the patch names, or a volume would have two sources.

What may be changed at all is judged elsewhere: see `pod_promises`.
"""

from typing import Any

from switchboard_operator.kube.objects import Object

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "resourceClaims": "name",
    "schedulingGates": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Fields of a pod template whose entries are told apart, and by what (`patchMergeKey`)."""

DIRECTIVE = "$patch"
_DELETE = "delete"
_CHOICES = frozenset({"volumes", "env", "resourceClaims"})
"""Lists whose entries are one of several sources (`patchStrategy: retainKeys`, and env)."""


def merge(base: Object, patch: Object) -> Object:
    """Return the base with the patch over it; neither is changed."""
    merged = dict(base)
    for field, value in patch.items():
        if value is None or _deletes(value):
            merged.pop(field, None)
        elif isinstance(value, dict):
            inner = merged.get(field)
            merged[field] = merge(inner if isinstance(inner, dict) else {}, value)
        elif field in MERGE_KEYS and _are_entries(value):
            inner = merged.get(field)
            merged[field] = _merge_entries(field, inner if isinstance(inner, list) else [], value)
        else:
            merged[field] = value
    return merged


def misshapen(template: Object) -> str:
    """Return what makes a partial template unusable, with its path; empty if nothing does."""
    for field in template:
        if field not in {"metadata", "spec"}:
            return f".{field}: unknown field; a pod template has metadata and spec"
    for field, value in template.items():
        if value is None or not isinstance(value, dict):
            return f".{field}: must be an object; write the fields to change, or leave it out"
    for field, value in template.get("metadata", {}).items():
        if field not in {"labels", "annotations"}:
            return f".metadata.{field}: only labels and annotations can be set; remove it"
        if not isinstance(value, dict | None):
            return f".metadata.{field}: must be an object"
    return _misshapen_map(template, "")


def _merge_entries(field: str, base: list[Any], patch: list[Any]) -> list[Any]:
    key = MERGE_KEYS[field]
    merged = list(base)
    for entry in patch:
        place = _place(merged, key, entry.get(key))
        if _deletes(entry):
            merged[:] = merged if place is None else merged[:place] + merged[place + 1 :]
        elif place is None:
            merged.append(merge({}, entry))
        else:
            old = merged[place]
            kept = {k: v for k, v in old.items() if k in entry} if field in _CHOICES else old
            merged[place] = merge(kept, entry)
    return merged


def _are_entries(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _place(entries: list[Any], key: str, value: object) -> int | None:
    return next((i for i, entry in enumerate(entries) if entry.get(key) == value), None)


def _deletes(value: object) -> bool:
    return isinstance(value, dict) and value.get(DIRECTIVE) == _DELETE


def _misshapen_map(value: Object, path: str) -> str:
    for field, inner in value.items():
        here = f"{path}.{field}"
        if field.startswith("$") and (field != DIRECTIVE or inner != _DELETE):
            return f"{here}: the only directive is '{DIRECTIVE}: {_DELETE}'; use that, or null"
        fault = ""
        # Not a plain value: a label may well be named env.
        if field in MERGE_KEYS and isinstance(inner, dict | list) and not _deletes(inner):
            fault = _misshapen_entries(field, inner, here)
        elif isinstance(inner, dict):
            fault = _misshapen_map(inner, here)
        if fault:
            return fault
    return ""


def _misshapen_entries(field: str, value: object, path: str) -> str:
    if not isinstance(value, list):
        return f"{path}: must be a list"
    key = MERGE_KEYS[field]
    seen: set[object] = set()
    for index, entry in enumerate(value):
        here = f"{path}[{index}]"
        if not isinstance(entry, dict):
            return f"{here}: must be an object"
        name = entry.get(key)
        if not isinstance(name, str | int) or name == "":
            return f"{here}.{key}: required, entries are merged by it; set it"
        if name in seen:
            return f"{here}.{key}: {name} stands twice; keep one"
        seen.add(name)
        if fault := _misshapen_map(entry, here):
            return fault
    return ""
