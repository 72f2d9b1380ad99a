"""What a user's pod template must leave alone, because the operator's own promises rest on it.

Each check compares the rendered template with the merged one and names the field and the remedy.
Everything else is the user's: resources, scheduling, sidecars, security. What a namespace must not
run is not decided here but by the API server's pod security admission.
"""

from collections.abc import Iterator

from switchboard_contract import names
from switchboard_operator.desired.pod_template import merge, misshapen
from switchboard_operator.kube.objects import Object

WORKER = "worker"
"""Name of the container that takes calls."""

_DEFAULT_GRACE_SECONDS = 30
"""Kubernetes' terminationGracePeriodSeconds when it is left out."""
_IDENTITY = ("serviceAccountName", "serviceAccount", "automountServiceAccountToken")
_OPERATORS_OWN = "SWITCHBOARD_"
_FREE = frozenset({"SWITCHBOARD_LOG_LEVEL"})
"""Variables that the operator sets and a user may still change."""


def broken(rendered: Object, template: Object | None, max_call_seconds: int, field: str) -> str:
    """Return what in a user's pod template cannot be; empty if it is fine.

    `field` is where the template stands in the resource, such as `spec.podTemplate`.
    """
    if template is None:
        return ""
    if fault := misshapen(template):
        return field + fault
    merged = merge(rendered, template)
    return next((field + fault for fault in _faults(rendered, merged, max_call_seconds)), "")


def _faults(rendered: Object, merged: Object, max_call_seconds: int) -> Iterator[str]:
    yield from names_kept(rendered, merged, "labels")
    yield from names_kept(rendered, merged, "annotations")
    yield from _life(merged["spec"], max_call_seconds)
    yield from kept(rendered["spec"], merged["spec"], _IDENTITY, ".spec", _IDENTITY_REASON)
    worker = _container(merged)
    if worker is None:
        yield (
            f".spec.containers: the container {WORKER} takes the calls and cannot be removed; "
            "leave it"
        )
        return
    yield from _worker(_container(rendered) or {}, worker)


_IDENTITY_REASON = "workers read their agent revisions with the identity that the operator makes"
_PROBE_REASON = "tells that a worker is registered and warm; only its timing can be changed"


def names_kept(rendered: Object, merged: Object, field: str) -> Iterator[str]:
    """Say which labels or annotations of ours were changed or added."""
    ours = rendered["metadata"].get(field) or {}
    now = as_map(as_map(merged.get("metadata")).get(field))
    for key in [*ours, *(key for key in now if key.startswith(f"{names.GROUP}/"))]:
        if ours.get(key) != now.get(key) and (field == "labels" or key.startswith(names.GROUP)):
            yield f".metadata.{field}[{key}]: set by the operator; leave it"


def _life(spec: Object, max_call_seconds: int) -> Iterator[str]:
    if spec.get("restartPolicy", "Always") != "Always":
        yield ".spec.restartPolicy: a Deployment restarts its pods Always; leave it out"
    if "activeDeadlineSeconds" in spec:
        yield ".spec.activeDeadlineSeconds: would end workers in the middle of calls; leave it out"
    grace = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
    if not isinstance(grace, int) or grace < max_call_seconds:
        yield (
            f".spec.terminationGracePeriodSeconds: below the longest call ({max_call_seconds} s), "
            "so that a drain would cut calls; leave it out, or lower maxCallSeconds"
        )


def _worker(rendered: Object, merged: Object) -> Iterator[str]:
    where = f".spec.containers[{WORKER}]"
    before, now = by_name(rendered, "env", "name"), by_name(merged, "env", "name")
    for name, variable in before.items():
        own = name.startswith(_OPERATORS_OWN) and name not in _FREE
        if own and now.get(name) != variable:
            yield f"{where}.env[{name}]: set by the operator; leave it"
    port = rendered["ports"][0]
    if by_name(merged, "ports", "name").get(port["name"]) != port:
        yield f"{where}.ports: {port['name']} serves probes and metrics; leave it as it is"
    for probe in ("readinessProbe", "startupProbe"):
        before, now = rendered[probe], as_map(merged.get(probe))
        handler = kept(before, now, ("httpGet", "exec", "tcpSocket", "grpc"), "", _PROBE_REASON)
        yield from (f"{where}.{probe}{fault}" for fault in handler)


def kept(
    rendered: Object, merged: Object, fields: tuple[str, ...], where: str, reason: str
) -> Iterator[str]:
    """Say which of the fields are not as they were rendered."""
    for field in fields:
        if rendered.get(field) != merged.get(field):
            yield f"{where}.{field}: {reason}; leave it"


def _container(template: Object) -> Object | None:
    return by_name(template["spec"], "containers", "name").get(WORKER)


def by_name(parent: Object, field: str, key: str) -> dict[str, Object]:
    """Return the entries of a list by name; a user may have put anything in its place."""
    entries = parent.get(field)
    found = [as_map(entry) for entry in entries] if isinstance(entries, list) else []
    return {str(entry.get(key, "")): entry for entry in found}


def as_map(value: object) -> Object:
    """Return a map; a user may have put anything in its place."""
    return value if isinstance(value, dict) else {}
