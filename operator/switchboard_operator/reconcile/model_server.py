"""One look at one model server: make it while somebody asks for it, delete it a while after.

    asks (from the status of VoiceAgents) -> claims -> Deployment, Service, budget -> replicas

The Deployment is made first and deleted last: as long as it is there, the server is found again by
its label after a restart, and whatever is left of it is cleaned up.
"""

import logging
from datetime import UTC, datetime

from switchboard_contract import names
from switchboard_contract.crd.model_server import ModelServer
from switchboard_contract.crd.status import ModelServerStatus
from switchboard_operator.desired.models.plan import FOLLOWED, claims, plan
from switchboard_operator.desired.models.server import Server, of_asks
from switchboard_operator.directory import Key
from switchboard_operator.errors import ChildConflictError, OperatorError
from switchboard_operator.kube import apply
from switchboard_operator.kube.kinds import DEPLOYMENT
from switchboard_operator.kube.objects import Object, annotations_of, labels_of
from switchboard_operator.reconcile import children, load, model_server_end
from switchboard_operator.reconcile.context import Context
from switchboard_operator.reconcile.model_claims import make_claim

_log = logging.getLogger(__name__)

_TIME = "%Y-%m-%dT%H:%M:%SZ"


async def reconcile(context: Context, key: Key) -> bool:
    """Bring one model server in order; return whether it still exists."""
    context.models.calm(key.name)
    asks = context.directory.model_asks.asks(key.name)
    if not asks:
        context.models.note(key.name, "")
        return await _unused(context, key.name)
    if asks[0].gpu_profile not in context.settings.model_servers.gpu_profiles:
        return True  # taken out of the platform: who asks is told so, and what runs stays for it
    server = of_asks(
        asks,
        context.settings.operator_namespace,
        context.settings.model_servers,
        _longest_call(asks, observed(context, key.name)),
    )
    try:
        await _make(context, server)
    except OperatorError as error:
        context.models.note(key.name, str(error))
        raise
    context.models.note(key.name, "")
    return True


def observed(context: Context, server: str) -> Object | None:
    """Return the Deployment of a server, if it is one."""
    found = context.store.get(DEPLOYMENT, context.settings.operator_namespace, server)
    is_ours = found is not None and labels_of(found).get(names.LABEL_MODEL_SERVER) == server
    return found if is_ours else None


def _longest_call(asks: list[ModelServer], deployment: Object | None) -> int:
    """Return the longest call that may use a server; one that may have begun is not forgotten."""
    asked = [a.longest_call_seconds for a in asks if isinstance(a, ModelServerStatus)]
    return max([_noted(deployment), *asked])


def _noted(deployment: Object | None) -> int:
    text = annotations_of(deployment or {"metadata": {}}).get(names.ANNOTATION_LONGEST_CALL, "")
    return int(text) if text.isdecimal() else 0


async def _make(context: Context, server: Server) -> None:
    for kind, obj in claims(server):
        await make_claim(context, kind, obj)
    existing = observed(context, server.name)
    if existing is not None:
        if names.ANNOTATION_UNUSED_SINCE in annotations_of(existing):
            await _annotate(context, server.name, None)
        existing = observed(context, server.name) or existing
        await apply.scale(
            context.api,
            context.store,
            existing,
            least=server.replicas,
            most=server.most_replicas,
            autoscaled=load.is_autoscaled(context, server.namespace, server.name),
        )
    wanted = plan(server, context.settings.worker)
    for kind, obj in wanted:
        there = context.store.get(kind, server.namespace, server.name)
        if load.must_wait(context, kind, there):
            continue
        contests = None if server.has_image_volume else context.contests
        await children.ensure(context, kind, obj, there, contests)
    _refuse_dropped_volume(observed(context, server.name), server)
    dropped = [kind for kind in FOLLOWED if kind not in {k for k, _ in wanted}]
    await model_server_end.delete_followed(context, server.namespace, server.name, dropped)


def _refuse_dropped_volume(deployment: Object | None, server: Server) -> None:
    """Say so if the API server left out the image volume: without its feature gate it does."""
    if deployment is None or not server.has_image_volume:
        return
    volumes = deployment["spec"]["template"]["spec"].get("volumes") or []
    if not any("image" in volume for volume in volumes):
        raise ChildConflictError(
            "the cluster drops image volumes, which modelServers.triton.repository.oci needs: turn "
            "on the feature gate ImageVolume (on from Kubernetes 1.35), or set image instead of oci"
        )


async def _unused(context: Context, server: str) -> bool:
    existing = observed(context, server)
    if existing is None:
        return False
    since = _time(annotations_of(existing).get(names.ANNOTATION_UNUSED_SINCE, ""))
    now = _time(context.now()) or datetime.now(UTC)
    if since is None:
        await _annotate(context, server, now.strftime(_TIME))
        since = now
    grace = max(context.settings.model_servers.idle_grace_seconds, _noted(existing))
    left = grace - (now - since).total_seconds()
    if left > 0:
        context.models.wake_after(server, left)
        return True
    _log.info("no VoiceAgent asks for it any more: deleting", extra={"model_server": server})
    await model_server_end.delete(context, existing)
    return False


async def _annotate(context: Context, server: str, since: str | None) -> None:
    patch = {"metadata": {"annotations": {names.ANNOTATION_UNUSED_SINCE: since}}}
    namespace = context.settings.operator_namespace
    changed = await context.api.patch(DEPLOYMENT, namespace, server, patch)
    context.store.put(DEPLOYMENT, changed)


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
