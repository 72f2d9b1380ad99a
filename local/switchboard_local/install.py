"""Installs Switchboard as a user would: the repo's own charts, by Helm."""

import json
from pathlib import Path
from typing import Any

from switchboard_local.command import run_command
from switchboard_local.errors import LocalError
from switchboard_local.images.build import BuiltImage
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState
from switchboard_local.tools.locate import locate

NAMESPACE = "switchboard-system"
INSTALL_SECONDS = 90.0
MAX_LOOP_LAG_MS = 500


def chart_values(state: SystemState, images: dict[str, BuiltImage]) -> dict[str, Any]:
    """Return the chart's values for the addresses of the running system."""
    return {
        "livekit": {
            "apiUrl": state.livekit_http_url,
            "workerUrl": state.livekit_ws_url,
            "apiKey": state.livekit_api_key,
            "apiSecret": state.livekit_api_secret,
        },
        "redis": {"url": state.redis_url},
        # The nodes have these images already, and there is no registry to ask.
        "operator": {"image": images["operator"].name, "pullPolicy": "IfNotPresent"},
        "worker": {
            "image": images["agent"].name,
            "pullPolicy": "IfNotPresent",
            # Callers, LiveKit, SIP and cluster share this machine, and there is no other one to
            # take a call that is refused: a rough call is of more use here than none.
            "maxLoopLagMs": MAX_LOOP_LAG_MS,
        },
    }


def install_charts(
    state: SystemState,
    settings: LocalSettings,
    images: dict[str, BuiltImage],
    more: dict[str, Any] | None = None,
) -> None:
    """Install the resource definitions, then the operator, and wait until it is available.

    `more` are values beside ours. Installed again, it is an upgrade.
    """
    values = settings.out / "values.json"
    values.touch(mode=0o600)
    values.write_text(json.dumps(chart_values(state, images) | (more or {}), indent=2))
    charts = settings.checkout / "charts"
    _helm(state, settings, "switchboard-crds", charts / "switchboard-crds")
    _helm(state, settings, "switchboard", charts / "switchboard", f"--values={values}")


def _helm(
    state: SystemState, settings: LocalSettings, release: str, chart: Path, *options: str
) -> None:
    command = [
        *(str(locate("helm", settings.cache)), "upgrade", "--install", release, str(chart)),
        *("--kubeconfig", state.kubeconfig, "--namespace", NAMESPACE, "--create-namespace"),
        *("--wait", "--timeout", f"{INSTALL_SECONDS:.0f}s", *options),
    ]
    try:
        run_command(command, timeout_seconds=INSTALL_SECONDS + 10)
    except LocalError as error:
        raise LocalError(
            f"{error.reason}; pods: {_pods(state, settings)}", log=settings.logs / "pods"
        ) from error


def _pods(state: SystemState, settings: LocalSettings) -> str:
    """Return what the namespace's pods are doing and said last: helm only says that it waited."""
    kubectl = [str(locate("kubectl", settings.cache)), f"--kubeconfig={state.kubeconfig}"]
    everything = [
        "--namespace",
        NAMESPACE,
        "--selector=app.kubernetes.io/name",
        "--all-containers",
        "--tail=2",
    ]
    try:
        pods = run_command([*kubectl, "get", "pods", "--namespace", NAMESPACE, "--no-headers"])
        logs = run_command([*kubectl, "logs", *everything, "--prefix"])
    except LocalError as error:
        return error.reason
    return " | ".join(f"{pods}{logs}".strip().splitlines())[-1500:]
