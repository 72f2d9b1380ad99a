"""Everything a worker is told by its environment. No other module reads it."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from switchboard_agent.revisions.kubernetes import KubernetesAccess

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER_URL = "https://kubernetes.default.svc"

AUTO = "auto"
DEFAULT_MAX_CALLS = 10
DEFAULT_MAX_JOINS = 3
DEFAULT_MAX_LOOP_LAG_MS = 100
DEFAULT_DRAIN_SECONDS = 3600
DEFAULT_HTTP_PORT = 8080
DEFAULT_STT_PROCESSES = 2
DEFAULT_LOG_LEVEL = "INFO"

DIRECTORY_PREFIX = "dir:"
FROM_KUBERNETES = "kubernetes"


class SettingsError(Exception):
    """The environment is not usable; says every fault at once."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one worker process."""

    pool: str
    """SWITCHBOARD_POOL: worker pool, and the LiveKit agent name to register as."""
    namespace: str
    """SWITCHBOARD_NAMESPACE: where the agent revisions of the pool are."""
    livekit_url: str
    """SWITCHBOARD_LIVEKIT_URL: ws:// or wss://, for worker protocol, rooms and API."""
    livekit_api_key: str
    livekit_api_secret: str
    redis_url: str
    """SWITCHBOARD_REDIS_URL: call events and tenant quotas."""
    worker_name: str
    """SWITCHBOARD_WORKER_NAME: name in call records; the pod's name. Default: host name."""
    revisions_directory: Path | None
    """SWITCHBOARD_REVISIONS=dir:/path reads files; None (`kubernetes`, the default) watches."""
    kubernetes: KubernetesAccess
    """In-cluster access; SWITCHBOARD_KUBE_{URL,TOKEN_FILE,CA_FILE,CERT_FILE,KEY_FILE} replace it
    outside a pod."""
    max_calls: int | None = DEFAULT_MAX_CALLS
    """SWITCHBOARD_MAX_CALLS: calls at once. Ten spoken calls take about half a core of media. None
    (`auto`): as many as the worker finds out that it holds."""
    max_joins: int = DEFAULT_MAX_JOINS
    """SWITCHBOARD_MAX_JOINS: rooms joined at once; more answers a burst sooner and harms live
    calls."""
    max_loop_lag_ms: int = DEFAULT_MAX_LOOP_LAG_MS
    """SWITCHBOARD_MAX_LOOP_LAG_MS: 95th percentile above which calls are refused."""
    drain_seconds: float = DEFAULT_DRAIN_SECONDS
    """SWITCHBOARD_DRAIN_SECONDS: how long live calls may go on after SIGTERM."""
    http_port: int = DEFAULT_HTTP_PORT
    """SWITCHBOARD_HTTP_PORT: /healthz, /readyz, /metrics. 0 takes any free port."""
    twilio_port: int | None = None
    """SWITCHBOARD_TWILIO_PORT: where Twilio's questions and streams come in; unset, they do not. 0
    takes any free port."""
    host: str = "127.0.0.1"
    """SWITCHBOARD_HOST: address at which other workers of the pool reach this one; the pod's."""
    stt_processes: int = DEFAULT_STT_PROCESSES
    """SWITCHBOARD_STT_PROCESSES: recogniser processes; each decodes one utterance at a time."""
    log_level: str = DEFAULT_LOG_LEVEL
    """SWITCHBOARD_LOG_LEVEL"""
    otlp_endpoint: str = ""
    """OTEL_EXPORTER_OTLP_ENDPOINT: `http://` address of a collector (OTLP/HTTP) for traces of
    calls; empty: none. The SDK's other variables count too."""


_REQUIRED = (
    "SWITCHBOARD_POOL",
    "SWITCHBOARD_NAMESPACE",
    "SWITCHBOARD_LIVEKIT_URL",
    "SWITCHBOARD_LIVEKIT_API_KEY",
    "SWITCHBOARD_LIVEKIT_API_SECRET",
    "SWITCHBOARD_REDIS_URL",
)

_NO_PORT = -1

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the environment. Raises `SettingsError`."""
    faults = [f"{name} is not set" for name in _REQUIRED if not env.get(name)]
    auto = env.get("SWITCHBOARD_MAX_CALLS") == AUTO
    fixed = {} if auto else env
    max_calls = _number(fixed, "SWITCHBOARD_MAX_CALLS", DEFAULT_MAX_CALLS, 1, faults)
    max_joins = _number(env, "SWITCHBOARD_MAX_JOINS", DEFAULT_MAX_JOINS, 1, faults)
    max_lag = _number(env, "SWITCHBOARD_MAX_LOOP_LAG_MS", DEFAULT_MAX_LOOP_LAG_MS, 1, faults)
    drain = _number(env, "SWITCHBOARD_DRAIN_SECONDS", DEFAULT_DRAIN_SECONDS, 0, faults)
    port = _number(env, "SWITCHBOARD_HTTP_PORT", DEFAULT_HTTP_PORT, 0, faults)
    twilio = _number(env, "SWITCHBOARD_TWILIO_PORT", _NO_PORT, 0, faults)
    stt = _number(env, "SWITCHBOARD_STT_PROCESSES", DEFAULT_STT_PROCESSES, 1, faults)
    level = env.get("SWITCHBOARD_LOG_LEVEL", DEFAULT_LOG_LEVEL).upper()
    if level not in _LOG_LEVELS:
        faults.append(f"SWITCHBOARD_LOG_LEVEL is {level!r}, not one of {', '.join(_LOG_LEVELS)}")
    url = env.get("SWITCHBOARD_LIVEKIT_URL", "")
    if url and not url.startswith(("ws://", "wss://")):
        faults.append("SWITCHBOARD_LIVEKIT_URL must begin with ws:// or wss://")
    directory = _revisions_directory(env.get("SWITCHBOARD_REVISIONS", FROM_KUBERNETES), faults)
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(
        pool=env["SWITCHBOARD_POOL"],
        namespace=env["SWITCHBOARD_NAMESPACE"],
        livekit_url=url,
        livekit_api_key=env["SWITCHBOARD_LIVEKIT_API_KEY"],
        livekit_api_secret=env["SWITCHBOARD_LIVEKIT_API_SECRET"],
        redis_url=env["SWITCHBOARD_REDIS_URL"],
        worker_name=env.get("SWITCHBOARD_WORKER_NAME") or socket.gethostname(),
        revisions_directory=directory,
        kubernetes=_kubernetes_access(env),
        max_calls=None if auto else max_calls,
        max_joins=max_joins,
        max_loop_lag_ms=max_lag,
        drain_seconds=float(drain),
        http_port=port,
        twilio_port=None if twilio == _NO_PORT else twilio,
        host=env.get("SWITCHBOARD_HOST") or "127.0.0.1",
        stt_processes=stt,
        log_level=level,
        otlp_endpoint=env.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
    )


def _number(
    env: Mapping[str, str], name: str, default: int, at_least: int, faults: list[str]
) -> int:
    text = env.get(name)
    if text is None or not text.strip():
        return default
    if not text.strip().isdecimal() or int(text) < at_least:
        faults.append(f"{name} is {text!r}, not a whole number of at least {at_least}")
        return default
    return int(text)


def _revisions_directory(text: str, faults: list[str]) -> Path | None:
    if text == FROM_KUBERNETES:
        return None
    if text.startswith(DIRECTORY_PREFIX) and len(text) > len(DIRECTORY_PREFIX):
        return Path(text.removeprefix(DIRECTORY_PREFIX))
    faults.append(f"SWITCHBOARD_REVISIONS is {text!r}, not `kubernetes` or `dir:/path`")
    return None


def _kubernetes_access(env: Mapping[str, str]) -> KubernetesAccess:
    url = env.get("SWITCHBOARD_KUBE_URL")
    if url is None:
        return KubernetesAccess(
            url=IN_CLUSTER_URL,
            token_file=SERVICE_ACCOUNT / "token",
            ca_file=SERVICE_ACCOUNT / "ca.crt",
        )
    return KubernetesAccess(
        url=url,
        token_file=_path(env, "SWITCHBOARD_KUBE_TOKEN_FILE"),
        ca_file=_path(env, "SWITCHBOARD_KUBE_CA_FILE"),
        client_cert_file=_path(env, "SWITCHBOARD_KUBE_CERT_FILE"),
        client_key_file=_path(env, "SWITCHBOARD_KUBE_KEY_FILE"),
    )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    text = env.get(name)
    return Path(text) if text else None
