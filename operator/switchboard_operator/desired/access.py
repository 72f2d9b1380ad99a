"""What the workers may do in the cluster: read ConfigMaps of their namespace, nothing else."""

from switchboard_operator.desired import meta
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from switchboard_operator.kube.objects import Object


def build_service_account(pool: Pool) -> Object:
    """Return the identity of the workers."""
    return meta.child(
        SERVICE_ACCOUNT, pool.owned, pool.worker, {"automountServiceAccountToken": False}
    )


def build_role(pool: Pool) -> Object:
    """Return the permission to follow agent revisions (ConfigMaps)."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    return meta.child(ROLE, pool.owned, pool.worker, {"rules": rules})


def build_role_binding(pool: Pool) -> Object:
    """Return who has the permission."""
    body = {
        "roleRef": {"apiGroup": ROLE.group, "kind": ROLE.kind, "name": pool.worker},
        "subjects": [
            {
                "kind": SERVICE_ACCOUNT.kind,
                "name": pool.worker,
                "namespace": pool.namespace,
            }
        ],
    }
    return meta.child(ROLE_BINDING, pool.owned, pool.worker, body)
