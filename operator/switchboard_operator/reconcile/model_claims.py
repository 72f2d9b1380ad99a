"""Claims of model servers: storage, shared GPUs, and the template of which pods claim their own.

They are neither watched nor changed: a claim's spec is fixed once it is made, so whether it is
there is all there is to know; a template with another spec is made anew. A request for the few that
there are costs less than a watch over everybody's claims, and less permission.
"""

from switchboard_contract import names
from switchboard_operator.errors import ChildConflictError, ConflictError, NotFoundError
from switchboard_operator.kube.compare import contains
from switchboard_operator.kube.kinds import RESOURCE_CLAIM_TEMPLATE, Kind
from switchboard_operator.kube.objects import Object, is_deleting, labels_of, name_of, namespace_of
from switchboard_operator.reconcile.context import Context


async def make_claim(context: Context, kind: Kind, wanted: Object) -> None:
    """Create a claim that is not there."""
    try:
        existing = await _get(context, kind, namespace_of(wanted), name_of(wanted))
        if existing is None:
            await context.api.create(kind, wanted)
            return
    except ConflictError:
        return  # made meanwhile, for another server of the profile
    except NotFoundError:
        raise ChildConflictError(
            f"the cluster does not serve {kind.kind} ({kind.api_version}), which "
            f"{_needed_by(kind)}, or upgrade the cluster"
        ) from None
    if not _is_ours(existing, wanted):
        raise ChildConflictError(
            f"{kind.kind} {namespace_of(wanted)}/{name_of(wanted)} exists, is not the operator's, "
            "and is left alone: delete or rename it"
        )
    if is_deleting(existing):
        raise ChildConflictError(
            f"{kind.kind} {namespace_of(wanted)}/{name_of(wanted)} is being deleted: waiting for "
            "the pods that still use it"
        )
    if kind is RESOURCE_CLAIM_TEMPLATE and not contains(existing["spec"], wanted["spec"]):
        await context.api.delete(kind, existing)  # only new pods look at it
        await context.api.create(kind, wanted)


def _needed_by(kind: Kind) -> str:
    if kind is RESOURCE_CLAIM_TEMPLATE:
        return "deviceClass of the GPU profile needs: have resourceName set instead"
    return "placement Colocated needs: ask for Dedicated"


async def delete_claim(context: Context, kind: Kind, wanted: Object) -> None:
    """Delete a claim, if it is there and ours."""
    existing = await _get(context, kind, namespace_of(wanted), name_of(wanted))
    if existing is not None and _is_ours(existing, wanted):
        await context.api.delete(kind, existing)


async def _get(context: Context, kind: Kind, namespace: str, name: str) -> Object | None:
    try:
        return await context.api.get(kind, namespace, name)
    except NotFoundError:
        return None


def _is_ours(existing: Object, wanted: Object) -> bool:
    labels = labels_of(existing)
    ours = (names.LABEL_MANAGED_BY, names.LABEL_MODEL_SERVER)
    return all(labels.get(key) == labels_of(wanted).get(key) for key in ours)
