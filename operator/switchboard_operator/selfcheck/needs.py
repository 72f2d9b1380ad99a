"""What the operator must be allowed to do, and what of it a set of RBAC rules does not allow. Pure.

The table follows the kinds that are watched and written: a new kind of child is asked for by
itself, and a test holds the chart's ClusterRole against it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from switchboard_operator.kube.kinds import (
    API_SERVICE,
    CHILDREN,
    CLUSTER_ROLE,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    LEASE,
    OPTIONAL_CHILDREN,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_CLAIM,
    TENANT,
    VOICE_AGENT,
    WATCHED,
    Kind,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.metrics_api import front_proxy, registration

CRD = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)


@dataclass(frozen=True, slots=True)
class Home:
    """Where an operator runs."""

    namespace: str
    owner: str = ""
    """ClusterRole of the installation, which the APIService is deleted with; empty for none."""


@dataclass(frozen=True, slots=True)
class Need:
    """One verb on one kind."""

    verb: str
    kind: Kind
    subresource: str = ""
    name: str = ""
    """Of the only object that it is needed for."""
    namespace: str = ""
    """Where alone it is needed; empty: everywhere."""
    required: bool = True
    """Whether the operator can do nothing useful without it."""

    @property
    def resource(self) -> str:
        """Return the resource as rules spell it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    @property
    def shown(self) -> str:
        """Return the resource as kubectl spells it."""
        group = f".{self.kind.group}" if self.kind.group else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return (
            f"{self.kind.plural}{group}{'/' if self.subresource else ''}{self.subresource}{where}"
        )


def needs(home: Home) -> list[Need]:
    """Return all that an operator needs."""
    namespace = home.namespace
    out = [Need(verb, kind) for kind in (*WATCHED, LEASE) for verb in ("list", "watch")]
    out += [Need(v, kind) for kind in CHILDREN for v in ("get", "create", "patch", "delete")]
    out += [Need("patch", VOICE_AGENT), Need("get", VOICE_AGENT)]
    out += [Need("patch", kind, "status") for kind in (VOICE_AGENT, TENANT)]
    out += [Need("patch", DEPLOYMENT, "scale")]
    out += [Need(verb, LEASE, namespace=namespace) for verb in ("get", "create", "patch")]
    for kind in (VOICE_AGENT, TENANT):
        out.append(Need("get", CRD, name=f"{kind.plural}.{kind.group}"))
    out += [Need(verb, EVENT, required=False) for verb in ("create", "patch")]
    optional = ("list", "watch", "get", "create", "patch", "delete")
    out += [Need(v, kind, required=False) for kind in OPTIONAL_CHILDREN for v in optional]
    return out + list(_of_metrics_api(home)) + list(_of_model_servers(home))


def _of_metrics_api(home: Home) -> Iterator[Need]:
    """Return what autoscaling needs; without it everything else goes on."""
    yield Need("create", API_SERVICE, required=False)
    for verb in ("get", "patch", "delete"):
        yield Need(verb, API_SERVICE, name=registration.NAME, required=False)
    if home.owner:
        yield Need("get", CLUSTER_ROLE, name=home.owner, required=False)
    where, name = front_proxy.NAMESPACE, front_proxy.CONFIG_MAP_NAME
    yield Need("get", CONFIG_MAP, name=name, namespace=where, required=False)


def _of_model_servers(home: Home) -> Iterator[Need]:
    for kind in (PERSISTENT_VOLUME_CLAIM, RESOURCE_CLAIM):
        for verb in ("get", "create", "delete"):
            yield Need(verb, kind, namespace=home.namespace, required=False)


def allows(rules: Iterable[Object], need: Need) -> bool:
    """Tell whether one of the rules grants it."""
    return any(_grants(rule, need) for rule in rules)


def _grants(rule: Object, need: Need) -> bool:
    only = rule.get("resourceNames") or []
    anything = f"*/{need.subresource}" if need.subresource else "*"
    return (
        _has(rule.get("verbs"), need.verb)
        and _has(rule.get("apiGroups"), need.kind.group)
        and (_has(rule.get("resources"), need.resource) or _has(rule.get("resources"), anything))
        and (not only or (bool(need.name) and need.name in only))
    )


def _has(granted: list[str] | None, wanted: str) -> bool:
    return granted is not None and ("*" in granted or wanted in granted)


def sentence(missing: Iterable[Need]) -> str:
    """Say what is missing: `cannot list, watch secrets; cannot create deployments.apps`."""
    verbs: dict[str, list[str]] = defaultdict(list)
    for need in missing:
        verbs[need.shown].append(need.verb)
    return "; ".join(f"cannot {', '.join(found)} {shown}" for shown, found in verbs.items())
