"""The operator's metrics, made from the catalogue in the contract."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from switchboard_contract import metrics


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One object per process, handed to whoever counts something."""

    registry: CollectorRegistry
    reconciles: Counter
    reconcile_seconds: Histogram
    retries: Counter
    queue_depth: Gauge
    queue_wait: Histogram
    queue_oldest: Gauge
    leader: Gauge
    api_writes: Counter
    kube_seconds: Histogram
    kube_errors: Counter
    kube_events: Counter
    livekit_requests: Counter
    livekit_seconds: Histogram
    livekit_poll_age: Gauge
    watch_missed: Counter
    watch_canary_age: Gauge
    tugs_of_war: Counter
    missing_permissions: Gauge
    probe_results: Counter
    probe_seconds: Histogram
    probe_last_answer: Gauge

    def render(self) -> bytes:
        """Return the metrics in the Prometheus text format."""
        return generate_latest(self.registry)


def make_telemetry() -> Telemetry:
    """Return metrics on a registry of their own: nothing is shared between processes or tests."""
    registry = CollectorRegistry()
    return Telemetry(
        registry,
        reconciles=_counter(metrics.RECONCILES, registry),
        reconcile_seconds=_histogram(metrics.RECONCILE_SECONDS, registry),
        retries=_counter(metrics.RETRIES, registry),
        queue_depth=_gauge(metrics.QUEUE_DEPTH, registry),
        queue_wait=_histogram(metrics.QUEUE_WAIT, registry),
        queue_oldest=_gauge(metrics.QUEUE_OLDEST, registry),
        leader=_gauge(metrics.LEADER, registry),
        api_writes=_counter(metrics.API_WRITES, registry),
        kube_seconds=_histogram(metrics.KUBE_SECONDS, registry),
        kube_errors=_counter(metrics.KUBE_ERRORS, registry),
        kube_events=_counter(metrics.KUBE_EVENTS, registry),
        livekit_requests=_counter(metrics.LIVEKIT_CALLS, registry),
        livekit_seconds=_histogram(metrics.LIVEKIT_SECONDS, registry),
        livekit_poll_age=_gauge(metrics.LIVEKIT_POLL_AGE, registry),
        watch_missed=_counter(metrics.WATCH_MISSED, registry),
        watch_canary_age=_gauge(metrics.WATCH_CANARY_AGE, registry),
        tugs_of_war=_counter(metrics.TUGS_OF_WAR, registry),
        missing_permissions=_gauge(metrics.MISSING_PERMISSIONS, registry),
        probe_results=_counter(metrics.PROBE_RESULTS, registry),
        probe_seconds=_histogram(metrics.PROBE_SECONDS, registry),
        probe_last_answer=_gauge(metrics.PROBE_LAST_ANSWER, registry),
    )


def _counter(metric: metrics.Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def _gauge(metric: metrics.Metric, registry: CollectorRegistry) -> Gauge:
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def _histogram(metric: metrics.Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry
    )
