"""The NetworkPolicy of a model server: workers may ask it, Prometheus may scrape it, no one else.

Neither vLLM nor Triton asks who is calling. Without a policy every pod of the cluster could use the
GPUs, past the profiles. vLLM serves its metrics on the port of its API, so it can be scraped only
from namespaces that are named for it.
"""

from switchboard_contract import names
from switchboard_operator.desired.models import ports
from switchboard_operator.desired.models.names import selector
from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.kinds import NETWORK_POLICY
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import NetworkSettings

_NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label with which Kubernetes marks every namespace."""


def build(server: Server, settings: NetworkSettings) -> Object:
    """Return the NetworkPolicy."""
    spec = {
        "podSelector": {"matchLabels": selector(server.name)},
        "policyTypes": ["Ingress"],
        "ingress": [_workers(server), *_scrapes(server, settings)],
    }
    return server.child(NETWORK_POLICY, {"spec": spec})


def _workers(server: Server) -> Object:
    numbers = [ports.VLLM_HTTP] if server.is_vllm else [ports.TRITON_HTTP, ports.TRITON_GRPC]
    workers = {"matchExpressions": [{"key": names.LABEL_POOL, "operator": "Exists"}]}
    return {
        "from": [{"namespaceSelector": {}, "podSelector": workers}],
        "ports": [_port(number) for number in numbers],
    }


def _scrapes(server: Server, settings: NetworkSettings) -> list[Object]:
    rule: Object = {"ports": [_port(ports.VLLM_HTTP if server.is_vllm else ports.TRITON_METRICS)]}
    if settings.metrics_from:
        rule["from"] = [
            {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}}}
            for namespace in settings.metrics_from
        ]
    elif server.is_vllm:
        return []
    return [rule]


def _port(number: int) -> Object:
    return {"port": number, "protocol": "TCP"}
