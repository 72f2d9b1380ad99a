"""Making the cluster match, one child at a time, with as few writes as possible.

A new object is created by POST (cheaper for the API server than apply, by a sixth of its time).
From then on it is changed by server-side apply under one field manager, so that what others add
stays theirs, and what the plan no longer mentions goes away. For the latter the fields that POST
made ours must first be declared as applied: `applied_fields` does that once per object.
"""

import copy
import hashlib

import orjson

from switchboard_contract import names
from switchboard_operator.desired.deployment import MIN_WORKERS, replicas
from switchboard_operator.errors import ChildConflictError, ConflictError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.compare import Step, contains, difference
from switchboard_operator.kube.contest import Contests
from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, Kind
from switchboard_operator.kube.objects import (
    APPLIED_HASH,
    Object,
    annotations_of,
    comparable,
    labels_of,
    name_of,
    namespace_of,
    owner_uid,
)
from switchboard_operator.store import Ref, Store


async def ensure(
    api: KubeApi,
    store: Store,
    kind: Kind,
    desired: Object,
    observed: Object | None,
    *,
    contests: Contests | None = None,
) -> None:
    """Create or change one child, if it is not right already.

    With `contests`, not when somebody else keeps changing it back: ContestedError.
    """
    wanted = _stamped(desired)
    if observed is None:
        await _create(api, store, kind, wanted)
        return
    _refuse_foreign(kind, observed, wanted)
    never_changes = kind is CONFIG_MAP and wanted.get("immutable") is True
    if never_changes or is_current(kind, observed, wanted):
        return
    if contests and (way := drift(kind, observed, wanted)):
        await contests.check(api, Ref(kind, namespace_of(wanted), name_of(wanted)), way)
    await _change(api, store, kind, wanted, observed)


def is_current(kind: Kind, observed: Object, wanted: Object) -> bool:
    """Tell whether an object is as planned: nothing changed in the plan, nobody changed it."""
    if annotations_of(observed).get(APPLIED_HASH) != annotations_of(wanted)[APPLIED_HASH]:
        return False
    return contains(observed, comparable(kind, without_replicas(kind, wanted)))


def drift(kind: Kind, observed: Object, wanted: Object) -> tuple[Step, ...]:
    """Return the way to what somebody changed; empty if it is the plan that has changed."""
    stamp = annotations_of(observed).get(APPLIED_HASH)
    if stamp is None:
        return ("metadata", "annotations", APPLIED_HASH)
    if stamp != annotations_of(wanted)[APPLIED_HASH]:
        return ()
    return difference(observed, comparable(kind, without_replicas(kind, wanted)))


async def scale(
    api: KubeApi,
    store: Store,
    observed: Object,
    *,
    least: int,
    most: int,
    autoscaled: bool = False,
) -> None:
    """Move the number of workers into its range, through the scale subresource.

    Inside the range the number is the autoscaler's, where there is one.
    """
    current = int(observed["spec"].get("replicas", 1))
    applied = "" if autoscaled else annotations_of(observed).get(MIN_WORKERS, "")
    wanted = replicas(current, applied, least, most)
    if wanted != current:
        patch = {"spec": {"replicas": wanted}}
        name, namespace = name_of(observed), namespace_of(observed)
        await api.patch(DEPLOYMENT, namespace, name, patch, subresource="scale")
        store.put(DEPLOYMENT, await api.get(DEPLOYMENT, namespace, name))


def without_replicas(kind: Kind, obj: Object) -> Object:
    """Return a Deployment without the field that belongs to whoever scales."""
    if kind is not DEPLOYMENT:
        return obj
    return {**obj, "spec": {k: v for k, v in obj["spec"].items() if k != "replicas"}}


def applied_fields(managed: list[Object]) -> list[Object] | None:
    """Return managedFields with what our POST set declared as applied; None if nothing is to do.

    Without `spec.replicas`: that was ours only to begin with.
    """
    entries = copy.deepcopy(managed)
    posted = [e for e in entries if _ours(e, "Update")]
    if not posted:
        return None
    if any(_ours(e, "Apply") for e in entries):
        return [e for e in entries if not _ours(e, "Update")]
    for entry in posted:
        entry["operation"] = "Apply"
        entry.get("fieldsV1", {}).get("f:spec", {}).pop("f:replicas", None)
    return entries


def _ours(entry: Object, operation: str) -> bool:
    return (
        entry.get("manager") == names.FIELD_MANAGER
        and entry.get("operation") == operation
        and not entry.get("subresource")
    )


async def _create(api: KubeApi, store: Store, kind: Kind, wanted: Object) -> None:
    try:
        store.put(kind, await api.create(kind, wanted))
    except ConflictError:
        found = await api.get(kind, namespace_of(wanted), name_of(wanted))
        _refuse_foreign(kind, found, wanted)
        if kind is not CONFIG_MAP:
            await _apply(api, store, kind, wanted)
        else:
            store.put(kind, found)


async def _change(api: KubeApi, store: Store, kind: Kind, wanted: Object, observed: Object) -> None:
    if observed["metadata"].get("posted"):
        namespace, name = namespace_of(wanted), name_of(wanted)
        full = await api.get(kind, namespace, name)
        _refuse_foreign(kind, full, wanted)
        if fields := applied_fields(full["metadata"].get("managedFields") or []):
            version = full["metadata"]["resourceVersion"]
            patch = [
                {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                {"op": "replace", "path": "/metadata/managedFields", "value": fields},
            ]
            await api.patch(kind, namespace, name, patch)
    await _apply(api, store, kind, wanted)


async def _apply(api: KubeApi, store: Store, kind: Kind, wanted: Object) -> None:
    store.put(kind, await api.apply(kind, without_replicas(kind, wanted)))


def _refuse_foreign(kind: Kind, existing: Object, wanted: Object) -> None:
    if _has_same_master(existing, wanted):
        return
    going = " and is being deleted" if existing["metadata"].get("deletionTimestamp") else ""
    raise ChildConflictError(
        f"{kind.kind} {namespace_of(wanted)}/{name_of(wanted)} exists, is not controlled by this "
        f"{_master(wanted)}{going}, and is left alone: delete or rename it"
    )


def _has_same_master(existing: Object, wanted: Object) -> bool:
    """Tell whether both have one owner, or (shared, owned by nobody) are of one model server."""
    if owners := wanted["metadata"].get("ownerReferences"):
        return bool(owner_uid(existing) == owners[0]["uid"])
    of_server = names.LABEL_MODEL_SERVER
    server = labels_of(wanted).get(of_server)
    return bool(server) and labels_of(existing).get(of_server) == server


def _master(wanted: Object) -> str:
    owners = wanted["metadata"].get("ownerReferences")
    return str(owners[0]["kind"]) if owners else "model server"


def _stamped(desired: Object) -> Object:
    """Return the object with a hash of itself: a later plan that drops a field differs in it."""
    digest = hashlib.sha256(orjson.dumps(desired, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    metadata = desired["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH: digest}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}
