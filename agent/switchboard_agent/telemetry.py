"""The worker's metrics as Prometheus objects, made from the catalogue and nothing else.

A registry of its own keeps two engines in one process apart (tests do that) and makes the page of
`/metrics` exactly what the catalogue promises. Whoever measures holds the `Telemetry`; there is no
global to reach for.
"""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from switchboard_agent.turn_window import TurnWindow
from switchboard_contract import metrics
from switchboard_contract.metrics import Metric


class Telemetry:
    """Every metric a worker emits; attributes are named as in `switchboard_contract.metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turn_latency = self._histogram(metrics.TURN_LATENCY)
        self.speculations = self._counter(metrics.SPECULATIONS)
        self.barge_in_stop = self._histogram(metrics.BARGE_IN_STOP)
        self.watchdog_alarms = self._counter(metrics.WATCHDOG_ALARMS)
        self.turn_model_failures = self._counter(metrics.TURN_MODEL_FAILURES)
        self.vad_fallback = self._gauge(metrics.VAD_FALLBACK)
        self.speech_failures = self._counter(metrics.SPEECH_FAILURES)
        self.streams_left_open = self._counter(metrics.STREAMS_LEFT_OPEN)
        self.overlaps = self._counter(metrics.OVERLAPS)
        self.active_calls = self._gauge(metrics.ACTIVE_CALLS)
        self.call_capacity = self._gauge(metrics.CALL_CAPACITY)
        self.calls_total = self._counter(metrics.CALLS_TOTAL)
        self.calls_refused = self._counter(metrics.CALLS_REFUSED)
        self.variant_fallbacks = self._counter(metrics.VARIANT_FALLBACKS)
        self.quota_unshared = self._counter(metrics.QUOTA_UNSHARED)
        self.loop_lag = self._histogram(metrics.LOOP_LAG)
        self.underruns = self._counter(metrics.UNDERRUNS)
        self.frame_lateness = self._histogram(metrics.FRAME_LATENESS)
        self.events_dropped = self._counter(metrics.EVENTS_DROPPED)
        self.llm_first_token = self._histogram(metrics.LLM_FIRST_TOKEN)
        self.llm_failures = self._counter(metrics.LLM_FAILURES)
        self.llm_tokens = self._counter(metrics.LLM_TOKENS)
        self.llm_fallbacks = self._counter(metrics.LLM_FALLBACKS)
        self.probes = self._counter(metrics.PROBES)
        self.stream_faults = self._counter(metrics.STREAM_FAULTS)
        self.heartbeats_missed = self._counter(metrics.HEARTBEATS_MISSED)
        self.calls_recovered = self._counter(metrics.CALLS_RECOVERED)
        self.recovery_seconds = self._histogram(metrics.RECOVERY_SECONDS)
        self.calls_let_go = self._counter(metrics.CALLS_LET_GO)
        self.recovery_ready = self._gauge(metrics.RECOVERY_READY)
        self.orphaned_calls = self._gauge(metrics.ORPHANED_CALLS)
        self.snapshots_dropped = self._counter(metrics.SNAPSHOTS_DROPPED)
        self.recent_turns = TurnWindow(time.monotonic)
        """The same turns as `turn_latency`, for the heartbeat."""

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.name,
            metric.help,
            metric.labels,
            buckets=metric.buckets,
            registry=self.registry,
        )

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)
