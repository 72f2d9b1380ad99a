"""The Kubernetes side of one VoiceAgent: make what is planned, remove what is not."""

from collections.abc import Iterable

from switchboard_contract import names
from switchboard_operator.desired import revision
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.plan import DesiredState
from switchboard_operator.errors import ContestedError, NotFoundError
from switchboard_operator.kube import apply
from switchboard_operator.kube.contest import Contests
from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, Kind
from switchboard_operator.kube.objects import (
    Object,
    labels_of,
    name_of,
    namespace_of,
    owner_uid,
)
from switchboard_operator.reconcile import load
from switchboard_operator.reconcile.context import Context
from switchboard_operator.store import Ref


async def make(context: Context, desired: DesiredState) -> None:
    """Create or change every child that is not right."""
    least, most = desired.least_workers, desired.most_workers
    await make_all(context, desired.children, least=least, most=most)


async def make_all(
    context: Context, objects: Iterable[tuple[Kind, Object]], *, least: int, most: int
) -> None:
    """Create or change every object that is not right, with that many workers."""
    contested: ContestedError | None = None
    for kind, obj in objects:
        namespace, name = obj["metadata"]["namespace"], name_of(obj)
        observed = context.store.get(kind, namespace, name)
        if load.must_wait(context, kind, observed):
            continue
        if kind is DEPLOYMENT and observed is not None:
            await apply.scale(
                context.api,
                context.store,
                observed,
                least=least,
                most=most,
                autoscaled=load.is_autoscaled(context, namespace, name),
            )
            observed = context.store.get(kind, namespace, name)
        try:
            await ensure(context, kind, obj, observed, context.contests)
        except ContestedError as error:
            contested = contested or error  # the others must not wait for the end of the fight
    if contested:
        raise contested


async def ensure(
    context: Context,
    kind: Kind,
    obj: Object,
    observed: Object | None,
    contests: Contests | None,
) -> None:
    """Create or change one object, if its kind is served and it is not right already."""
    if not context.discovery.has(kind):
        return
    try:
        await apply.ensure(context.api, context.store, kind, obj, observed, contests=contests)
    except NotFoundError:
        if not kind.optional:
            raise
        context.discovery.missing(kind)


async def prune(context: Context, inputs: AgentInputs, desired: DesiredState) -> None:
    """Delete our children that the plan no longer has; keep the history of revisions."""
    wanted = {Ref(k, namespace_of(o), name_of(o)) for k, o in desired.children}
    ours = [
        (ref, obj)
        for ref, obj in context.store.children(inputs.namespace, inputs.name)
        if owner_uid(obj) == inputs.uid and ref not in wanted
    ]
    revisions = [obj for ref, obj in ours if _is_revision(ref, obj)]
    stale = revision.outdated(revisions, desired.in_use, desired.revisions_kept)
    doomed = [(ref, obj) for ref, obj in ours if not _is_revision(ref, obj) or obj in stale]
    for ref, obj in doomed:
        await context.api.delete(ref.kind, obj)
        context.store.remove(ref.kind, obj)


def _is_revision(ref: Ref, obj: Object) -> bool:
    return ref.kind is CONFIG_MAP and names.LABEL_REVISION in labels_of(obj)
