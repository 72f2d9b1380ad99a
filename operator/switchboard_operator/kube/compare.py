"""Whether an object in the cluster already is what is wanted.

The API server adds defaults, so equality is too much to ask: what is wanted must be *contained* in
what is there. Lists that Kubernetes merges by a key (containers, ports, ...) are matched by that
key, since others may add entries of their own; all other lists must match entry by entry, so that
nobody slips a rule into a Role. What the API server spells in its own way (quantities) or leaves
out (fields that say nothing) is no difference: it would be written again for ever.
"""

from collections.abc import Sequence
from typing import Any

from switchboard_operator.kube.quantity import same_quantity

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "name",
    "imagePullSecrets": "name",
}
"""Lists of type map in the API, by field name, and the key of their entries."""

_QUANTITIES = frozenset({"requests", "limits"})
"""Maps of resource quantities."""
_QUANTITY = frozenset({"averageValue", "sizeLimit", "storage"})
_LEFT_OUT = frozenset(
    {
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "initialDelaySeconds",
        "key",
        "medium",
        "minReadySeconds",
        "readOnly",
        "stdin",
        "stdinOnce",
        "subPath",
        "tty",
        "value",
        "workingDir",
    }
)
"""Fields of a pod that the API server does not keep when they are empty, zero or false."""


Step = str | tuple[str, str]
"""One step of a way into an object: a field, or the entry of a list that has `(key, value)`."""


def contains(observed: object, wanted: object, field: str = "") -> bool:
    """Tell whether everything wanted is there."""
    if isinstance(wanted, dict):
        there = observed if isinstance(observed, dict) else {}
        if field in _QUANTITIES:
            return all(same_quantity(there.get(key), value) for key, value in wanted.items())
        return all(contains(there.get(key), value, key) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        return _contains_list(observed, wanted, field)
    if observed is None and not wanted and field in _LEFT_OUT:
        return True
    return observed == wanted or (field in _QUANTITY and same_quantity(observed, wanted))


def _contains_list(observed: object, wanted: "list[Any] | tuple[Any, ...]", field: str) -> bool:
    there = observed if isinstance(observed, list) else []
    key = _MERGE_KEYS.get(field)
    if key is not None and all(key in entry for entry in wanted):
        by_key = {entry.get(key): entry for entry in there}
        return all(contains(by_key.get(entry[key]), entry) for entry in wanted)
    return len(there) == len(wanted) and all(
        contains(o, w) for o, w in zip(there, wanted, strict=True)
    )


def difference(observed: object, wanted: object, way: tuple[Step, ...] = ()) -> tuple[Step, ...]:
    """Return the way to the first thing wanted that is not there; empty if all is."""
    if isinstance(wanted, dict) and isinstance(observed, dict):
        deeper = (difference(observed.get(k), v, (*way, k)) for k, v in wanted.items())
        return next(filter(None, deeper), ())
    field = way[-1] if way and isinstance(way[-1], str) else ""
    key = _MERGE_KEYS.get(field)
    if isinstance(wanted, list | tuple) and isinstance(observed, list) and key is not None:
        there = {entry.get(key): entry for entry in observed}
        deeper = (difference(there.get(e[key]), e, (*way, (key, str(e[key])))) for e in wanted)
        return next(filter(None, deeper), ())
    return () if contains(observed, wanted, field) else way


def spelled(way: Sequence[Step]) -> str:
    """Return a way as people write it: `spec.template.spec.containers[worker].image`."""
    text = "".join(f".{s}" if isinstance(s, str) else f"[{s[1]}]" for s in way)
    return text.removeprefix(".")
