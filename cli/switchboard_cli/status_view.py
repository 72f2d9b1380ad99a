"""What `switchboard status` shows, made from objects as the API server has them; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from switchboard_cli.cluster.ages import age
from switchboard_cli.cluster.table import table
from switchboard_operator.kube.objects import Object, name_of, namespace_of

_SHOWN_ELSEWHERE = frozenset(
    {
        "activeCalls",
        "capacity",
        "conditions",
        "lastProbe",
        "modelServers",
        "numbers",
        "observedGeneration",
        "pinnedRevision",
        "readyWorkers",
        "revision",
        "ruleId",
        "selector",
        "specRevision",
        "tenant",
        "trunkId",
        "workers",
    }
)
_EVENTS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class AgentView:
    """One VoiceAgent as it is shown, and as `-o json` prints it."""

    namespace: str
    name: str
    ready: str
    reason: str
    message: str
    tenant: str
    numbers: list[str]
    """Asked for; `bound` are those in LiveKit."""
    bound: list[str]
    calls: int
    capacity: int
    """Calls that the ready workers take at once: as they say, else as the spec says of them."""
    workers: int
    ready_workers: int
    min_workers: int
    max_workers: int
    pool: str
    revision: str
    pinned_revision: str
    spec_revision: str
    variants: dict[str, int]
    trunk: str
    rule: str
    created: str
    up_to_date: bool
    """Whether the status speaks of the spec as it is now."""
    last_probe: dict[str, Any]
    model_servers: list[dict[str, Any]]
    conditions: list[dict[str, Any]]
    tenant_display_name: str = ""
    """Empty where it has none, or where the user may not read Tenants."""
    more: dict[str, Any] = field(default_factory=dict)
    """The rest of the status, as it stands there."""


def view(agent: Object) -> AgentView:
    """Return what there is to say of a VoiceAgent; it may have no status yet."""
    spec, status = agent.get("spec") or {}, agent.get("status") or {}
    conditions: list[dict[str, Any]] = list(status.get("conditions") or [])
    ready = next((c for c in conditions if c["type"] == "Ready"), None)
    scaling = spec.get("scaling") or {}
    ready_workers = int(status.get("readyWorkers", 0))
    return AgentView(
        namespace=namespace_of(agent),
        name=name_of(agent),
        ready=ready["status"] if ready else "Unknown",
        reason=ready["reason"] if ready else "NotSeen",
        message=ready["message"] if ready else "the operator has not seen it yet: does it run?",
        tenant=status.get("tenant", ""),
        numbers=list(spec.get("numbers") or []),
        bound=list(status.get("numbers") or []),
        calls=int(status.get("activeCalls", 0)),
        capacity=int(status.get("capacity") or ready_workers * _per_worker(scaling)),
        workers=int(status.get("workers", 0)),
        ready_workers=ready_workers,
        min_workers=int(scaling.get("min", 1)),
        max_workers=int(scaling.get("max", 5)),
        pool=str(status.get("selector", "")).rpartition("=")[2],
        revision=status.get("revision", ""),
        pinned_revision=status.get("pinnedRevision", ""),
        spec_revision=status.get("specRevision", ""),
        variants={v["name"]: int(v["weight"]) for v in spec.get("variants") or []},
        trunk=status.get("trunkId", ""),
        rule=status.get("ruleId", ""),
        created=str(agent["metadata"].get("creationTimestamp", "")),
        up_to_date=status.get("observedGeneration") == agent["metadata"].get("generation"),
        last_probe=dict(status.get("lastProbe") or {}),
        model_servers=list(status.get("modelServers") or []),
        conditions=conditions,
        more={k: v for k, v in status.items() if k not in _SHOWN_ELSEWHERE and v not in ([], {})},
    )


def _per_worker(scaling: Mapping[str, Any]) -> int:
    """Return what the spec says of a worker; 0 where workers find it out (auto)."""
    said = scaling.get("callsPerWorker", 20)
    return said if isinstance(said, int) else 0


def overview(views: Sequence[AgentView], now: datetime, *, namespaces: bool) -> str:
    """Return one line for each VoiceAgent, and below why some are not ready."""
    header = ["NAME", "READY", "REASON", "NUMBERS", "CALLS", "WORKERS", "REVISION", "AGE"]
    rows = [_row(one, now) for one in views]
    if namespaces:
        header = ["NAMESPACE", *header]
        rows = [[one.namespace, *row] for one, row in zip(views, rows, strict=True)]
    troubles = [
        f"{one.namespace}/{one.name}: {one.message}" for one in views if one.ready != "True"
    ]
    return "\n".join([table(header, rows), *(["", *troubles] if troubles else [])])


def detail(one: AgentView, events: Sequence[Object], now: datetime) -> str:
    """Return everything about one VoiceAgent."""
    lines = [f"VoiceAgent {one.namespace}/{one.name}: {_headline(one)}"]
    if not one.up_to_date:
        lines.append("  (the operator has not yet looked at the latest change)")
    lines += ["", *(f"  {name:<11} {text}" for name, text in _facts(one, now) if text)]
    if one.conditions:
        lines += ["", "Conditions", *(_condition(c, now) for c in one.conditions)]
    if events:
        lines += ["", "Recent events", *(_event(e, now) for e in newest(events))]
    return "\n".join(lines)


def newest(events: Sequence[Object]) -> list[Object]:
    """Return the last events, oldest first."""
    return sorted(events, key=_seen_at)[-_EVENTS_SHOWN:]


def _row(one: AgentView, now: datetime) -> list[str]:
    return [
        one.name,
        one.ready,
        one.reason,
        ",".join(one.numbers),
        f"{one.calls}/{one.capacity}",
        f"{one.ready_workers}/{one.workers}",
        one.revision + (" (pinned)" if one.pinned_revision else ""),
        age(one.created, now),
    ]


def _headline(one: AgentView) -> str:
    if one.ready == "True":
        return one.message
    return f"not ready ({one.reason}): {one.message}"


def _facts(one: AgentView, now: datetime) -> list[tuple[str, str]]:
    unbound = sorted(set(one.numbers) - set(one.bound))
    numbers = ", ".join(one.numbers) + (f"; not bound: {', '.join(unbound)}" if unbound else "")
    workers = f"{one.ready_workers} of {one.workers} ready"
    livekit = ", ".join(
        f"{what} {value}" for what, value in (("trunk", one.trunk), ("rule", one.rule)) if value
    )
    return [
        ("Tenant", _tenant(one)),
        ("Numbers", numbers),
        ("Calls", f"{one.calls} of {one.capacity}"),
        ("Workers", f"{workers}, {one.min_workers} to {one.max_workers} wanted"),
        ("Pool", one.pool),
        ("Revision", _revision(one)),
        ("Variants", ", ".join(f"{name} {weight} %" for name, weight in one.variants.items())),
        ("LiveKit", livekit),
        ("Last probe", _probe(one.last_probe, now)),
        *(("Model", _model_server(server)) for server in one.model_servers),
        *((_words(name), _compact(value)) for name, value in one.more.items()),
    ]


def _tenant(one: AgentView) -> str:
    shown = one.tenant_display_name
    return f"{one.tenant} ({shown})" if shown else one.tenant


def _revision(one: AgentView) -> str:
    notes = [
        "pinned" if one.pinned_revision else "",
        f"the spec compiles to {one.spec_revision}" if one.spec_revision else "",
    ]
    said = ", ".join(note for note in notes if note)
    return one.revision + (f" ({said})" if said else "")


def _probe(probe: Mapping[str, Any], now: datetime) -> str:
    if not probe:
        return ""
    times = [
        f"{what} {probe[field]} ms"
        for what, field in (("joined after", "joinMs"), ("greeting after", "greetingMs"))
        if field in probe
    ]
    fault = [probe["fault"]] if probe.get("fault") else []
    said = [str(probe.get("result", "")), *times, *fault]
    return f"{', '.join(said)} ({age(probe.get('time'), now)} ago)"


def _model_server(server: Mapping[str, Any]) -> str:
    state = "ready" if server.get("ready") else "not ready"
    what = f"{server.get('name')} ({server.get('engine')} {server.get('model')})"
    return f"{what}: {state}, {server.get('url', '')}"


def _condition(condition: Mapping[str, Any], now: datetime) -> str:
    mark = {"True": "+", "False": "-"}.get(str(condition["status"]), "?")
    since = age(condition.get("lastTransitionTime"), now)
    text = f"{condition['reason']}: {condition.get('message', '')}"
    return f"  {mark} {condition['type']:<15}{since:>7}  {text}"


def _event(event: Mapping[str, Any], now: datetime) -> str:
    count = event.get("count") or (event.get("series") or {}).get("count") or 1
    times = f" (x{count})" if count > 1 else ""
    since = age(_seen_at(event), now)
    what = event.get("message") or event.get("note", "")
    return f"  {since:>7}  {event.get('type', '')} {event.get('reason', '')}{times}: {what}"


def _seen_at(event: Mapping[str, Any]) -> str:
    found = event.get("lastTimestamp") or (event.get("series") or {}).get("lastObservedTime")
    return str(found or event.get("eventTime") or event["metadata"].get("creationTimestamp", ""))


def _words(name: str) -> str:
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.capitalize()


def _compact(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_words(key).lower()} {_compact(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "; ".join(_compact(inner) for inner in value)
    return str(value)
