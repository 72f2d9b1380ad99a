"""Writing a status: only when it says something new, and only what is ours."""

from pydantic import ValidationError

from switchboard_contract.crd.meta import Model
from switchboard_contract.crd.status import Condition
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object, name_of, namespace_of
from switchboard_operator.reconcile.context import Context


def conditions_before(obj: Object) -> list[Condition]:
    """Return the conditions in an object's status; none if they are not readable."""
    try:
        found = (obj.get("status") or {}).get("conditions") or []
        return [Condition.model_validate(condition) for condition in found]
    except ValidationError:
        return []


async def write(context: Context, kind: Kind, obj: Object, status: Model) -> None:
    """Apply the status, if it differs from what is there."""
    body = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    if (obj.get("status") or {}) == body:
        return
    metadata = {"name": name_of(obj)}
    if kind.namespaced:
        metadata["namespace"] = namespace_of(obj)
    wanted = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": metadata,
        "status": body,
    }
    try:
        context.store.put(kind, await context.api.apply(kind, wanted, "status"))
    except NotFoundError:
        return
    context.events.changed(kind, obj, body)
