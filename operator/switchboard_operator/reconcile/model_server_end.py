"""The end of a model server: the Service first, so that nobody new comes, the Deployment last."""

from collections.abc import Sequence

from switchboard_contract import names
from switchboard_operator.desired.models.gpu import claim_name, shares_gpu
from switchboard_operator.desired.models.plan import FOLLOWED
from switchboard_operator.desired.models.server import GPU_PROFILE_LABEL
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_CLAIM,
    RESOURCE_CLAIM_TEMPLATE,
    Kind,
)
from switchboard_operator.kube.objects import Object, labels_of, name_of, namespace_of
from switchboard_operator.reconcile.context import Context
from switchboard_operator.reconcile.model_claims import delete_claim


async def delete(context: Context, deployment: Object) -> None:
    """Delete everything of a server."""
    namespace, name = namespace_of(deployment), name_of(deployment)
    beside = [kind for kind in FOLLOWED if kind is not DEPLOYMENT]
    await delete_followed(context, namespace, name, beside)
    await delete_claim(context, PERSISTENT_VOLUME_CLAIM, deployment)
    await delete_claim(context, RESOURCE_CLAIM_TEMPLATE, deployment)
    await _release(context, deployment)
    await delete_followed(context, namespace, name, [DEPLOYMENT])
    # Again: the last two servers of a claim may end at the same time, and each saw the other.
    await _release(context, deployment)


async def _release(context: Context, deployment: Object) -> None:
    if (claim := _last_of_its_claim(context, deployment)) is not None:
        await delete_claim(context, RESOURCE_CLAIM, claim)


async def delete_followed(
    context: Context, namespace: str, name: str, kinds: Sequence[Kind]
) -> None:
    """Delete objects of a server, as far as they are there and its own."""
    for kind in kinds:
        found = context.store.get(kind, namespace, name)
        if found is not None and labels_of(found).get(names.LABEL_MODEL_SERVER) == name:
            await context.api.delete(kind, found)
            context.store.remove(kind, found)


def _last_of_its_claim(context: Context, deployment: Object) -> Object | None:
    """Return the shared GPU claim as named and labelled, if no other server is on it."""
    namespace = namespace_of(deployment)
    profile = labels_of(deployment).get(GPU_PROFILE_LABEL, "")
    if not shares_gpu(deployment):
        return None
    for other in context.store.all(DEPLOYMENT):
        same = namespace_of(other) == namespace and labels_of(other).get(GPU_PROFILE_LABEL)
        if same == profile and name_of(other) != name_of(deployment) and shares_gpu(other):
            return None
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY}
    return {"metadata": {"name": claim_name(profile), "namespace": namespace, "labels": labels}}
