"""The kinds of objects the operator touches, and their paths in the API."""

from dataclasses import dataclass

from switchboard_contract import names


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of object; compared by identity, since each exists once, below."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    optional: bool = False
    """Served only where somebody installed it; see `Discovery`."""

    @property
    def api_version(self) -> str:
        """`group/version`, or the bare version of the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of an object, or of the list of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts += [self.plural, *(part for part in (name, subresource) if part)]
        return "/".join(parts)


VOICE_AGENT = Kind(names.GROUP, names.VERSION, "VoiceAgent", "voiceagents")
TENANT = Kind(names.GROUP, names.VERSION, "Tenant", "tenants", namespaced=False)
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
POD_MONITOR = Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors", optional=True)
HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", optional=True)
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False)
CLUSTER_ROLE = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False
)
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
RESOURCE_CLAIM = Kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", optional=True)
RESOURCE_CLAIM_TEMPLATE = Kind(
    "resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates", optional=True
)
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")

CHILDREN = (
    CONFIG_MAP,
    SECRET,
    SERVICE_ACCOUNT,
    ROLE,
    ROLE_BINDING,
    DEPLOYMENT,
    SERVICE,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    HORIZONTAL_POD_AUTOSCALER,
)
"""Kinds of children: each is watched (`watch.children`); an unwatched one costs blind writes."""

OPTIONAL_CHILDREN = (POD_MONITOR, SCALED_OBJECT)
"""Kinds of children that not every cluster has: watched while they are served."""

OF_PEOPLE = (TENANT, NAMESPACE, VOICE_AGENT)
"""Kinds that people write: watched by kopf."""

WATCHED = (*OF_PEOPLE, *CHILDREN)

SELECTORS = {
    NAMESPACE: names.LABEL_TENANT,
    **dict.fromkeys(
        (*CHILDREN, *OPTIONAL_CHILDREN), f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    ),
}
"""Label selectors of the watches: other people's objects never leave the API server."""
