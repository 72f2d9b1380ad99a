"""The files of the bundle, made of what was collected; pure."""

import json
from datetime import datetime

import yaml

from switchboard_cli import status_view
from switchboard_cli.bundle.collect import Collected
from switchboard_cli.bundle.redact import Redactor, secret_values
from switchboard_operator.kube.objects import Object, name_of, namespace_of

_README = """Support bundle of Switchboard.

summary.json         when, versions, how the VoiceAgents are, what could not be read
tenants.yaml         Tenants; namespaces.yaml: the namespaces that belong to them
namespaces/NS/NAME/  a VoiceAgent, its status for people, its children, the Events about them
operator/            the operator's Deployment and pods, its lease, its logs, shared pools
livekit/             trunks and dispatch rules, where LiveKit could be asked

Values of Secrets, credentials in variables, addresses and logs, and callers' numbers are replaced
by <hidden>, <number> and <room>. Texts of dialogs are in it.
"""


def files(collected: Collected, livekit: dict[str, str], now: datetime) -> dict[str, str]:
    """Return every file, redacted."""
    numbers = [
        n for agent in collected.agents for n in (agent.get("spec") or {}).get("numbers", [])
    ]
    redactor = Redactor(secret_values(collected.secrets), numbers)
    made = {"README.txt": _README, "summary.json": redactor.text(_summary(collected, now))}
    for path, objects in collected.objects.items():
        made[path] = "---\n".join(_yaml(redactor.object(obj)) for obj in objects)
    for agent in collected.agents:
        shown = status_view.detail(status_view.view(agent), (), now)
        path = f"namespaces/{namespace_of(agent)}/{name_of(agent)}/status.txt"
        made[path] = redactor.text(shown)
    made |= {path: redactor.text(text) for path, text in collected.logs.items()}
    made |= {path: redactor.text(text) for path, text in livekit.items()}
    return made


def _summary(collected: Collected, now: datetime) -> str:
    views = [status_view.view(agent) for agent in collected.agents]
    images = sorted(
        {image for obj in collected.objects["operator/operator.yaml"] for image in _images(obj)}
    )
    return json.dumps(
        {
            "made": now.isoformat(timespec="seconds"),
            "kubernetes": collected.version.get("gitVersion", ""),
            "operatorImages": images,
            "voiceAgents": {
                f"{view.namespace}/{view.name}": f"{view.ready} ({view.reason})" for view in views
            },
            "notRead": collected.missing,
        },
        indent=2,
    )


def _images(obj: Object) -> list[str]:
    spec = obj.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or spec
    return [str(container.get("image", "")) for container in pod.get("containers") or []]


def _yaml(obj: Object) -> str:
    return yaml.safe_dump(obj, sort_keys=False, allow_unicode=True, width=100)
