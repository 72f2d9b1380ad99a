"""How many resources are in which state: counted when somebody asks, from what is in memory.

One series per condition, status and reason, all of them bounded, so an alert needs no
kube-state-metrics and names no single resource.
"""

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from switchboard_contract import metrics
from switchboard_operator.directory import Directory
from switchboard_operator.kube.kinds import TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import name_of
from switchboard_operator.store import Store


class Census(Collector):
    """Counts at each scrape."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        yield self._by_condition()
        yield self._by_tenant()

    def _by_condition(self) -> GaugeMetricFamily:
        counts = Counter(
            (kind.kind, condition["type"], condition["status"], condition["reason"])
            for kind in (VOICE_AGENT, TENANT)
            for obj in self._store.all(kind)
            for condition in (obj.get("status") or {}).get("conditions") or []
        )
        return _gauge(metrics.RESOURCES, counts.items())

    def _by_tenant(self) -> GaugeMetricFamily:
        names = [name_of(tenant) for tenant in self._store.all(TENANT)]
        sizes = [((name,), len(self._directory.agents_of(name))) for name in names]
        return _gauge(metrics.TENANT_AGENTS, sizes)


def _gauge(
    metric: metrics.Metric, samples: Iterable[tuple[tuple[str, ...], int]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in sorted(samples):
        family.add_metric(labels, value)
    return family
