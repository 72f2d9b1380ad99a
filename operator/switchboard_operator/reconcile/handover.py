"""From one worker pool to another without a lost call: the old one serves until the new one can.

Which pool calls go to is what the dispatch rule in LiveKit says. While the rule's pool has a worker
and the new pool has none, the rule is left as it is; and as long as it names the old pool, nothing
of that is taken away.
"""

from switchboard_contract import names
from switchboard_operator.desired.names import worker_name
from switchboard_operator.desired.plan import DesiredState
from switchboard_operator.desired.shared_pool import deployment_of
from switchboard_operator.kube.kinds import DEPLOYMENT
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of
from switchboard_operator.reconcile.context import Context


def waits(context: Context, agent: Object, desired: DesiredState) -> bool:
    """Tell whether calls must still go to the pool that the rule in LiveKit names."""
    serving = _serving(context, agent)
    if desired.rule is None or serving in {"", desired.rule.pool}:
        return False
    return _has_worker(context, *_deployment(context, agent, serving)) and not _has_worker(
        context, *desired.deployment
    )


def is_done(context: Context, agent: Object, desired: DesiredState) -> bool:
    """Tell whether no call goes to another pool than planned any more."""
    return not desired.sip or desired.rule is None or _serving(context, agent) == desired.rule.pool


def _serving(context: Context, agent: Object) -> str:
    rules = context.mirror.rules.of_owner(uid_of(agent))
    agents = rules[0].room_config.agents if rules else []
    return str(agents[0].agent_name) if agents else ""


def _deployment(context: Context, agent: Object, pool: str) -> tuple[str, str]:
    namespace, name = namespace_of(agent), name_of(agent)
    if pool == names.pool_name(namespace, name):
        return namespace, worker_name(name)
    return deployment_of(pool, context.settings.worker.shared_namespace)


def _has_worker(context: Context, namespace: str, name: str) -> bool:
    found = context.store.get(DEPLOYMENT, namespace, name) or {}
    return bool((found.get("status") or {}).get("readyReplicas"))
