"""The operator's settings as the chart would give them, from the chart's values."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from switchboard_operator import settings
from switchboard_operator.accept import explain
from switchboard_operator.desired.models import pod_templates
from switchboard_operator.errors import SettingsError
from switchboard_operator.models.settings import ModelServerSettings
from switchboard_operator.settings import Settings

VALUES = {
    "SWITCHBOARD_LIVEKIT_API_URL": "livekit.apiUrl",
    "SWITCHBOARD_LIVEKIT_WORKER_URL": "livekit.workerUrl",
    "SWITCHBOARD_LIVEKIT_API_KEY": "livekit.apiKey",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "livekit.apiSecret",
    "SWITCHBOARD_REDIS_URL": "redis.url",
    "SWITCHBOARD_WORKER_IMAGE": "worker.image",
    "SWITCHBOARD_WORKER_PULL_POLICY": "worker.pullPolicy",
    "SWITCHBOARD_WORKER_PULL_SECRET": "worker.imagePullSecret",
    "SWITCHBOARD_WORKER_MAX_LOOP_LAG_MS": "worker.maxLoopLagMs",
    "SWITCHBOARD_WORKER_LOG_LEVEL": "worker.logLevel",
    "SWITCHBOARD_WORKER_CPU_REQUEST": "worker.cpuRequest",
    "SWITCHBOARD_WORKER_MEMORY_REQUEST": "worker.memoryRequest",
    "SWITCHBOARD_WORKER_MEMORY_LIMIT": "worker.memoryLimit",
    "SWITCHBOARD_WORKER_NETWORK_POLICY": "worker.networkPolicy",
    "SWITCHBOARD_WORKER_POD_MONITOR": "worker.podMonitor",
    "SWITCHBOARD_METRICS_PROVIDER": "metrics.provider",
}
"""Environment variable of the operator -> value of the chart; a test holds it to the chart."""

_PLACEHOLDERS = {
    "SWITCHBOARD_LIVEKIT_API_URL": "http://livekit:7880",
    "SWITCHBOARD_LIVEKIT_WORKER_URL": "ws://livekit:7880",
    "SWITCHBOARD_LIVEKIT_API_KEY": "set-by-the-platform",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "set-by-the-platform",
    "SWITCHBOARD_REDIS_URL": "redis://set-by-the-platform:6379",
    "SWITCHBOARD_WORKER_IMAGE": "switchboard-agent:0.1.0",
}
"""Where the values say nothing: enough to see every object."""


def platform(values_file: Path | None, *, release: str, namespace: str) -> Settings:
    """Return the settings; what the values leave out is as in the chart. Raises SettingsError."""
    values = _read(values_file) if values_file else {}
    env = _PLACEHOLDERS | {
        name: text for name, path in VALUES.items() if (text := _text(_at(values, path)))
    }
    env |= {
        "SWITCHBOARD_OPERATOR_NAMESPACE": namespace,
        "SWITCHBOARD_OPERATOR_IDENTITY": "render",
        "SWITCHBOARD_METRICS_API_SERVICE": f"{release}-metrics-api",
        "SWITCHBOARD_METRICS_API_OWNER": f"{release}-operator",
        "SWITCHBOARD_POOLS_URL": f"http://{release}-operator.{namespace}.svc:8080/pools",
    }
    found = settings.from_environment(env)
    return replace(found, model_servers=_model_servers(values))


def _model_servers(values: Mapping[str, Any]) -> ModelServerSettings:
    try:
        found = ModelServerSettings.model_validate(values.get("modelServers") or {})
    except ValidationError as error:
        raise SettingsError(explain(error, "modelServers")) from None
    pod_templates.check(found)
    return found


def _read(file: Path) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    if not isinstance(values or {}, dict):
        raise SettingsError(f"{file} must hold values of the chart switchboard")
    return values or {}


def _at(values: Mapping[str, Any], path: str) -> object:
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _text(value: object) -> str:
    """Return a value as the chart's template writes it into the environment."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
