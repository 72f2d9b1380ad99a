"""What the platform's pod templates for model servers must leave alone.

They are the platform's own, so nothing in them is a question of trust; but some fields carry what
the operator promises to agents (an answer behind the probes, requests that are finished, a server
that is found and counted), and a slip there shows only under calls.
"""

from collections.abc import Iterator

from switchboard_contract.crd.model_server import ModelEngine, ModelServer
from switchboard_operator.desired.models import deployment, drain
from switchboard_operator.desired.models.server import Server
from switchboard_operator.desired.pod_promises import as_map, by_name, kept, names_kept
from switchboard_operator.desired.pod_template import merge, misshapen
from switchboard_operator.errors import SettingsError
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import ModelServerSettings

_MANAGED = ("command", "args", "lifecycle")
_MANAGED_REASON = "made from the profile and checked against the version; use its other fields"
_PROBE_REASON = "tells that the model answers; only its timing can be changed"
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def check(settings: ModelServerSettings) -> None:
    """Raise SettingsError for the first template that cannot be."""
    for name, profile in settings.gpu_profiles.items():
        for engine, template in profile.pod_templates.items():
            field = f"modelServers.gpuProfiles.{name}.podTemplates.{engine}"
            if fault := _fault(_any_server(name, engine, settings), template):
                raise SettingsError(f"{field}{fault}")


def _any_server(profile: str, engine: ModelEngine, settings: ModelServerSettings) -> Server:
    ask = ModelServer(name="any", engine=engine, model="any", gpu_profile=profile)
    return Server(ask, 1, "any", settings)


def _fault(server: Server, template: Object) -> str:
    if fault := misshapen(template):
        return fault
    rendered = deployment.pod_template(server)
    return next(_faults(server, rendered, merge(rendered, template)), "")


def _faults(server: Server, rendered: Object, merged: Object) -> Iterator[str]:
    yield from names_kept(rendered, merged, "labels")
    yield from names_kept(rendered, merged, "annotations")
    grace = merged["spec"].get("terminationGracePeriodSeconds", 0)
    least = drain.grace_seconds(server.settings)
    if not isinstance(grace, int) or grace < least:
        yield (
            f".spec.terminationGracePeriodSeconds: below {least} s, which finishing requests takes "
            "(drainSeconds and margins); leave it out"
        )
    if merged["spec"].get("restartPolicy", "Always") != "Always":
        yield ".spec.restartPolicy: a Deployment restarts its pods Always; leave it out"
    name = server.ask.engine.value
    before = by_name(rendered["spec"], "containers", "name")[name]
    now = by_name(merged["spec"], "containers", "name").get(name)
    if now is None:
        yield f".spec.containers: the container {name} is the server and cannot be removed"
        return
    where = f".spec.containers[{name}]"
    yield from kept(before, now, _MANAGED, where, _MANAGED_REASON)
    if by_name(before, "ports", "name") != by_name(now, "ports", "name"):
        yield f"{where}.ports: agents and probes use them; leave them as they are"
    handlers = ("httpGet", "exec", "tcpSocket", "grpc")
    for probe in _PROBES:
        here = f"{where}.{probe}"
        yield from kept(before[probe], as_map(now.get(probe)), handlers, here, _PROBE_REASON)
