"""How far a Deployment is, and what keeps an autoscaler from its work, from their status."""

from switchboard_operator.kube.objects import Object

ANSWERS = "answers"


def trouble_of(deployment_status: Object) -> str:
    """Return why a Deployment does not get on; empty if it does."""
    for condition in deployment_status.get("conditions", []):
        failed = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        stuck = condition["type"] == "Progressing" and condition["status"] == "False"
        if failed or stuck:
            return str(condition["message"] or condition["reason"])
    return ""


def progress(deployment: Object | None) -> str:
    """Return what who waits for it must know: `ANSWERS`, its trouble, or nothing yet."""
    status = (deployment or {}).get("status") or {}
    return ANSWERS if status.get("readyReplicas", 0) else trouble_of(status)


def autoscaler_trouble(autoscaler: Object | None) -> str:
    """Return why an autoscaler does nothing, in its own words; empty if it does not say so."""
    found = conditions_by_type(autoscaler or {})
    for name in ("Ready", "AbleToScale", "ScalingActive"):
        condition = found.get(name)
        if condition is not None and condition["status"] == "False":
            return f"{condition['reason']}: {condition['message']}"
    return ""


def conditions_by_type(obj: Object) -> dict[str, Object]:
    """Return the conditions of an object."""
    return {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or []}
