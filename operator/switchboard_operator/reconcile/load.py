"""What a VoiceAgent's status tells of load and scaling."""

from dataclasses import dataclass

from switchboard_operator.desired.autoscaler import AUTOSCALERS, is_asked_for
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.kube.progress import autoscaler_trouble
from switchboard_operator.reconcile.context import Context
from switchboard_operator.scaling_status import ScalingSeen, scaling_ready
from switchboard_operator.status import Finding


@dataclass(frozen=True, slots=True)
class Load:
    """Figures of one VoiceAgent."""

    active_calls: int
    capacity: int
    """Of its pool, which other agents may share."""


def load(context: Context, agent: str, pool: str) -> Load:
    """Return what the workers say; without heartbeats, what LiveKit's rooms tell."""
    heartbeats = context.autoscaling.heartbeats if context.autoscaling else None
    said = heartbeats.load(pool) if heartbeats else None
    if heartbeats is None or said is None:
        return Load(context.mirror.calls[agent], 0)
    return Load(heartbeats.reading.calls[agent], said.capacity)


def scaling(context: Context, pool: Pool) -> Finding | None:
    """Return ScalingReady of a pool; None where its number of workers never moves."""
    autoscaling = context.autoscaling
    if autoscaling is None or not is_asked_for(pool):
        return None
    return scaling_ready(
        ScalingSeen(
            provider=autoscaling.provider,
            problem=autoscaling.problem,
            autoscaler=context.store.get(autoscaling.kind, pool.namespace, pool.worker),
            pool=pool.name,
            load=autoscaling.heartbeats.load(pool.name),
            maximum=pool.scaling.max,
            spare_calls=pool.scaling.spare_calls,
        )
    )


def unscaled(context: Context, namespace: str, model_server: str) -> str:
    """Return why the pods of a model server whose number may move do not follow the calls."""
    autoscaling = context.autoscaling
    if autoscaling is None:
        return ""
    found = context.store.get(autoscaling.kind, namespace, model_server)
    return autoscaling.problem or autoscaler_trouble(found)


def must_wait(context: Context, kind: Kind, observed: Object | None) -> bool:
    """Tell whether an autoscaler is not made yet: nobody would answer it. One that exists stays."""
    if kind not in AUTOSCALERS or observed is not None:
        return False
    return context.autoscaling is None or bool(context.autoscaling.problem)


def is_autoscaled(context: Context, namespace: str, worker: str) -> bool:
    """Tell whether the number of workers of a Deployment is an autoscaler's."""
    return any(context.store.get(kind, namespace, worker) for kind in AUTOSCALERS)
