"""Everything around the worker pods of a pool, whether one VoiceAgent or a Tenant owns it."""

from switchboard_operator.desired import (
    access,
    autoscaler,
    deployment,
    disruption_budget,
    network_policy,
    pod_monitor,
    secret,
    service,
    twilio_service,
)
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    POD_MONITOR,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import WorkerSettings


def build(pool: Pool, settings: WorkerSettings) -> tuple[tuple[Kind, Object], ...]:
    """Return the objects in the order in which they are made."""
    policies = [network_policy.build(pool, settings.network)] if settings.network.enabled else []
    monitors = [pod_monitor.build(pool, settings.monitor)] if settings.monitor.enabled else []
    return (
        (SECRET, secret.build(pool, settings)),
        (SERVICE_ACCOUNT, access.build_service_account(pool)),
        (ROLE, access.build_role(pool)),
        (ROLE_BINDING, access.build_role_binding(pool)),
        *((NETWORK_POLICY, policy) for policy in policies),
        (DEPLOYMENT, deployment.build(pool, settings)),
        (SERVICE, service.build(pool)),
        *(((SERVICE, twilio_service.build(pool)),) if pool.twilio_service else ()),
        (POD_DISRUPTION_BUDGET, disruption_budget.build(pool)),
        *((POD_MONITOR, monitor) for monitor in monitors),
        *autoscaler.build(pool, settings.metrics),
    )
