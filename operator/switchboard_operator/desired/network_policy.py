"""The NetworkPolicy of the workers: who may open connections to them, and where they may go.

In: only the port of probes and metrics, and Twilio's where it brings calls. Calls from LiveKit need
no way in: a worker dials LiveKit, and its media answers what it sent, as from behind a home router.
Kubelet's probes come from the node, which Kubernetes lets through always.

Out: open, unless the platform's owner says where to. LiveKit, Redis, carriers of models and the
API server stand at addresses that only the owner knows; LiveKit mostly runs on the node's own
network, which an address range of "everything" does not contain on every network plugin. A guess
here would cut media in the middle of calls, so there is none; with `egress` set, DNS is added to
what it names.
"""

from collections.abc import Iterator

from switchboard_operator.desired import meta
from switchboard_operator.desired.deployment import HTTP_PORT, TWILIO_PORT
from switchboard_operator.desired.names import selector
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import NETWORK_POLICY
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import NetworkSettings

_NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label with which Kubernetes marks every namespace."""
_DNS_PORT = 53


def build(pool: Pool, settings: NetworkSettings) -> Object:
    """Return the NetworkPolicy."""
    spec: Object = {
        "podSelector": {"matchLabels": selector(pool.name)},
        "policyTypes": ["Ingress"],
        "ingress": [
            _from(HTTP_PORT, settings.metrics_from),
            *(_calls(pool, settings) if pool.twilio_service else ()),
        ],
    }
    if settings.egress:
        spec["policyTypes"] = ["Ingress", "Egress"]
        spec["egress"] = [_dns(), *settings.egress]
    return meta.child(NETWORK_POLICY, pool.owned, pool.worker, {"spec": spec})


def _calls(pool: Pool, settings: NetworkSettings) -> Iterator[Object]:
    """Open Twilio's port to Ingress controllers, and to workers that lead a stream on."""
    rule = _from(TWILIO_PORT, settings.twilio_from)
    if "from" in rule:
        rule["from"].append({"podSelector": {"matchLabels": selector(pool.name)}})
    yield rule


def _from(port: int, namespaces: tuple[str, ...]) -> Object:
    """Open a port to namespaces, or to all where none is named."""
    rule: Object = {"ports": [{"port": port, "protocol": "TCP"}]}
    if namespaces:
        rule["from"] = [
            {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}}}
            for namespace in namespaces
        ]
    return rule


def _dns() -> Object:
    return {"ports": [{"port": _DNS_PORT, "protocol": protocol} for protocol in ("UDP", "TCP")]}
