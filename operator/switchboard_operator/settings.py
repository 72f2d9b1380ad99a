"""Settings of the operator: the only place that reads the environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from switchboard_operator.canary import DEAD_SECONDS
from switchboard_operator.errors import SettingsError
from switchboard_operator.models import settings as model_settings
from switchboard_operator.models.settings import ModelServerSettings

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Which connections of worker pods are allowed."""

    enabled: bool = True
    """Whether workers get a NetworkPolicy."""
    metrics_from: tuple[str, ...] = ()
    """Namespaces from which /metrics may be read; empty means any."""
    twilio_from: tuple[str, ...] = ()
    """Namespaces of Ingress controllers that lead Twilio's requests in; empty means any."""
    egress: tuple[dict[str, Any], ...] = ()
    """NetworkPolicyEgressRules; empty leaves outgoing connections open."""


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """How a Prometheus operator, where there is one, scrapes worker pods."""

    enabled: bool = True
    labels: tuple[tuple[str, str], ...] = ()
    """Labels on the PodMonitor: many Prometheus select by one, such as `release`."""
    interval: str = ""
    """Time between scrapes; empty means that of the Prometheus."""


class MetricsProvider(StrEnum):
    """Who tells autoscalers how many calls there are."""

    BUILTIN = "builtin"
    """The operator itself, from worker heartbeats: nothing else to install."""
    PROMETHEUS_ADAPTER = "prometheus-adapter"
    KEDA = "keda"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """What worker pools are scaled by."""

    provider: MetricsProvider = MetricsProvider.BUILTIN
    port: int = 8443
    """Port of the metrics API (TLS): that of the operator and that of its Service."""
    service: str = "switchboard-metrics-api"
    """Service in the operator's namespace that leads to `port` of every replica."""
    owner: str = ""
    """ClusterRole of this installation: what the APIService is deleted with; empty for none."""
    pools_url: str = "http://switchboard-operator.switchboard-system.svc:8080/pools"
    """Where KEDA asks for the load of a pool, at `<namespace>/<pool>` below it."""

    @property
    def models_url(self) -> str:
        """Where KEDA asks for the load of a model server, at `<namespace>/<server>` below it."""
        return f"{self.pools_url.rpartition('/')[0]}/model-servers"


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What every worker pod gets, whatever VoiceAgent it serves."""

    image: str
    """Container image of the worker."""
    livekit_url: str
    """`ws://` address of LiveKit as the pods see it."""
    livekit_api_key: str
    livekit_api_secret: str = field(repr=False)
    redis_url: str = field(repr=False)
    """Redis as the pods see it; may carry a password, so it travels in a Secret."""
    cpu_request: str = "250m"
    """Share of a core a worker is sure of. A half-duplex call takes about 35 mcore."""
    memory_request: str = "384Mi"
    memory_limit: str = "1Gi"
    """A worker above this is killed with its calls, so it is far above what it needs."""
    max_loop_lag_ms: int = 100
    """95th percentile of event loop lag above which a worker refuses calls: live ones suffer."""
    log_level: str = "INFO"
    otlp_endpoint: str = ""
    """`http://` address, as the pods see it, of a collector for traces of calls; empty: none."""
    pull_policy: str = "IfNotPresent"
    shared_namespace: str = "switchboard-system"
    """Namespace of the Tenants' worker pools: the operator's own."""
    image_pull_secret: str = ""
    """Name of a pull secret in the VoiceAgent's namespace; empty for none."""
    network: NetworkSettings = NetworkSettings()
    monitor: MonitorSettings = MonitorSettings()
    metrics: MetricsSettings = MetricsSettings()


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """What probes of all agents together may take."""

    concurrency: int = 4
    """Probe rooms at once. A worker joining one costs its machine 0.1-0.2 CPU-seconds."""
    timeout_seconds: float = 10.0
    """How long a worker may take to join its probe room and to say how it is."""
    model_questions_per_hour: int = 60
    """Questions that the probes of one agent may put to its language models in an hour."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator is told at its start."""

    livekit_api_url: str
    """`http://` address of LiveKit as the operator sees it."""
    worker: WorkerSettings
    operator_namespace: str
    """Namespace of the Lease."""
    identity: str
    """Name of this process in the Lease: unique among replicas."""
    http_port: int = 8080
    """Port of /healthz, /readyz and /metrics."""
    resync_seconds: float = 600.0
    """How often each resource is looked at without cause, +-20 %. It heals what no watch saw."""
    livekit_poll_seconds: float = 15.0
    """How often LiveKit is listed: it has no watch. Bounds how long a lost trunk stays lost, and
    how old `status.activeCalls` may be. One poll is four requests whatever the number of agents.
    """
    discovery_seconds: float = 60.0
    """How long an API that somebody installs (Prometheus operator, KEDA) may stay unnoticed."""
    concurrency: int = 16
    """Reconciles at once. More gain little: the API server is the bound."""
    model_servers: ModelServerSettings = field(default_factory=ModelServerSettings)
    """GPU profiles and what else the platform says about model servers."""
    probe: ProbeSettings = ProbeSettings()
    lease_seconds: float = 10.0
    """How long a lease holds without renewal: the longest time without a leader after a crash."""
    watch_dead_seconds: float = DEAD_SECONDS
    """How long the watches may bring nothing before the process asks to be started anew. Longer
    than kopf's own cure (70 s) takes, or a start would come instead of it."""
    log_level: str = "INFO"
    otlp_endpoint: str = ""
    """`http://` address of an OpenTelemetry collector (OTLP/HTTP) for traces; empty: none."""
    kubeconfig: str = ""
    """Path of a kubeconfig; empty inside a cluster."""
    kubernetes_host: str = ""
    """`host:port` of the API server inside a cluster."""
    service_account: Path = SERVICE_ACCOUNT


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; a missing or wrong one raises SettingsError that names it."""
    env = _Environment(os.environ if environment is None else environment)
    host = env.get("KUBERNETES_SERVICE_HOST")
    return Settings(
        livekit_api_url=env.required("SWITCHBOARD_LIVEKIT_API_URL"),
        worker=_worker(env),
        operator_namespace=env.get("SWITCHBOARD_OPERATOR_NAMESPACE") or "switchboard-system",
        identity=env.get("SWITCHBOARD_OPERATOR_IDENTITY") or f"{os.uname().nodename}-{os.getpid()}",
        http_port=int(env.number("SWITCHBOARD_HTTP_PORT", 8080)),
        resync_seconds=env.number("SWITCHBOARD_RESYNC_SECONDS", 600),
        livekit_poll_seconds=env.number("SWITCHBOARD_LIVEKIT_POLL_SECONDS", 15),
        discovery_seconds=env.number("SWITCHBOARD_DISCOVERY_SECONDS", 60),
        concurrency=int(env.number("SWITCHBOARD_CONCURRENCY", 16)),
        probe=ProbeSettings(
            concurrency=int(env.number("SWITCHBOARD_PROBE_CONCURRENCY", 4)),
            timeout_seconds=env.number("SWITCHBOARD_PROBE_TIMEOUT_SECONDS", 10),
            model_questions_per_hour=int(env.number("SWITCHBOARD_PROBE_MODEL_QUESTIONS", 60)),
        ),
        lease_seconds=env.number("SWITCHBOARD_LEASE_SECONDS", 10),
        watch_dead_seconds=env.number("SWITCHBOARD_WATCH_DEAD_SECONDS", DEAD_SECONDS),
        model_servers=model_settings.load(env.get(model_settings.VARIABLE)),
        log_level=env.get("SWITCHBOARD_LOG_LEVEL") or "INFO",
        otlp_endpoint=env.get("OTEL_EXPORTER_OTLP_ENDPOINT"),
        kubeconfig=env.get("KUBECONFIG"),
        kubernetes_host=f"{host}:{env.get('KUBERNETES_SERVICE_PORT') or '443'}" if host else "",
    )


def _worker(env: "_Environment") -> WorkerSettings:
    defaults = WorkerSettings("", "", "", "", "")
    return WorkerSettings(
        image=env.required("SWITCHBOARD_WORKER_IMAGE"),
        livekit_url=env.required("SWITCHBOARD_LIVEKIT_WORKER_URL"),
        livekit_api_key=env.required("SWITCHBOARD_LIVEKIT_API_KEY"),
        livekit_api_secret=env.required("SWITCHBOARD_LIVEKIT_API_SECRET"),
        redis_url=env.required("SWITCHBOARD_REDIS_URL"),
        cpu_request=env.get("SWITCHBOARD_WORKER_CPU_REQUEST") or defaults.cpu_request,
        memory_request=env.get("SWITCHBOARD_WORKER_MEMORY_REQUEST") or defaults.memory_request,
        memory_limit=env.get("SWITCHBOARD_WORKER_MEMORY_LIMIT") or defaults.memory_limit,
        max_loop_lag_ms=int(
            env.number("SWITCHBOARD_WORKER_MAX_LOOP_LAG_MS", defaults.max_loop_lag_ms)
        ),
        log_level=env.get("SWITCHBOARD_WORKER_LOG_LEVEL") or defaults.log_level,
        otlp_endpoint=env.get("SWITCHBOARD_WORKER_OTLP_ENDPOINT"),
        pull_policy=env.get("SWITCHBOARD_WORKER_PULL_POLICY") or defaults.pull_policy,
        shared_namespace=env.get("SWITCHBOARD_OPERATOR_NAMESPACE") or defaults.shared_namespace,
        image_pull_secret=env.get("SWITCHBOARD_WORKER_PULL_SECRET"),
        network=_network(env.json("SWITCHBOARD_WORKER_NETWORK_POLICY")),
        monitor=_monitor(env.json("SWITCHBOARD_WORKER_POD_MONITOR")),
        metrics=_metrics(env),
    )


def _network(values: dict[str, Any]) -> NetworkSettings:
    return NetworkSettings(
        enabled=values.get("enabled", True),
        metrics_from=tuple(values.get("metricsFrom") or ()),
        twilio_from=tuple(values.get("twilioFrom") or ()),
        egress=tuple(values.get("egress") or ()),
    )


def _monitor(values: dict[str, Any]) -> MonitorSettings:
    return MonitorSettings(
        enabled=values.get("enabled", True),
        labels=tuple(sorted((values.get("labels") or {}).items())),
        interval=values.get("interval") or "",
    )


def _metrics(env: "_Environment") -> MetricsSettings:
    defaults = MetricsSettings()
    text = env.get("SWITCHBOARD_METRICS_PROVIDER") or defaults.provider
    try:
        provider = MetricsProvider(text)
    except ValueError:
        known = ", ".join(MetricsProvider)
        raise SettingsError(
            f"SWITCHBOARD_METRICS_PROVIDER must be one of {known}, not {text!r}"
        ) from None
    return MetricsSettings(
        provider=provider,
        port=int(env.number("SWITCHBOARD_METRICS_API_PORT", defaults.port)),
        service=env.get("SWITCHBOARD_METRICS_API_SERVICE") or defaults.service,
        owner=env.get("SWITCHBOARD_METRICS_API_OWNER"),
        pools_url=env.get("SWITCHBOARD_POOLS_URL") or defaults.pools_url,
    )


class _Environment:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str:
        return self._values.get(name, "").strip()

    def required(self, name: str) -> str:
        if value := self.get(name):
            return value
        raise SettingsError(f"{name} is not set: the chart sets it; see charts/switchboard")

    def json(self, name: str) -> dict[str, Any]:
        text = self.get(name)
        try:
            value = json.loads(text) if text else {}
        except json.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise SettingsError(f"{name} must be a JSON object: the chart writes it")
        return value

    def number(self, name: str, default: float) -> float:
        text = self.get(name)
        try:
            value = float(text) if text else default
        except ValueError:
            raise SettingsError(f"{name} must be a number, not {text!r}") from None
        if value <= 0:
            raise SettingsError(f"{name} must be above 0, not {text}")
        return value
