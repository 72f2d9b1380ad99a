"""Where the workers of a local system tell their metrics, now."""

import json
from typing import Any

from switchboard_contract import names
from switchboard_local.command import run_command
from switchboard_local.errors import LocalError
from switchboard_local.processes.pages import pages_file, read_pages
from switchboard_local.settings import LocalSettings
from switchboard_local.state import Mode, SystemState
from switchboard_local.tools.locate import locate


def worker_pages(settings: LocalSettings, state: SystemState) -> tuple[str, ...]:
    """Addresses of the metrics of all workers that are ready; empty where they cannot be found."""
    if state.mode is Mode.PROCESSES:
        return tuple(read_pages(pages_file(settings.out)))
    try:
        kubectl = (str(locate("kubectl", settings.cache)), f"--kubeconfig={state.kubeconfig}")
        selector = ("--all-namespaces", f"--selector={names.LABEL_POOL}", "--output=json")
        return pages_of_pods(run_command([*kubectl, "get", "pods", *selector]))
    except LocalError:
        return ()


def pages_of_pods(listed: str) -> tuple[str, ...]:
    """Addresses from kubectl's list of worker pods."""
    return tuple(
        f"http://{pod['status']['podIP']}:{port['containerPort']}/metrics"
        for pod in json.loads(listed)["items"]
        if _ready(pod)
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if port.get("name") == "http"
    )


def _ready(pod: dict[str, Any]) -> bool:
    status = pod.get("status", {})
    ready = {"type": "Ready", "status": "True"}
    return "podIP" in status and any(
        ready.items() <= condition.items() for condition in status.get("conditions", [])
    )
