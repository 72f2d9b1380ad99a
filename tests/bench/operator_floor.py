"""What the machine gives at best: the same objects, written by a client that thinks of nothing.

A burst of VoiceAgents is bound by the processor, and most of that is the API server's. How fast it
can be on this machine, today, is found by writing again what the operator wrote for one agent, as
often and as many at a time: the VoiceAgent, its finalizer, every child, trunk and rule, the status.
No watch, no plan, no comparison. The operator's figure is worth quoting as a part of this one.
"""

import asyncio
import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from switchboard_contract import names
from switchboard_operator.kube.kinds import CHILDREN, NAMESPACE, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object, labels_of, namespace_of
from tests.bench.processes import usage
from tests.operator.system import System

NAMESPACES = 50
AT_ONCE = 16
"""As many as the operator has workers."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the operator wrote for one agent."""

    agent: Object
    children: list[tuple[Kind, Object]]
    trunk: SIPInboundTrunkInfo
    rule: SIPDispatchRuleInfo


async def pattern(system: System, namespace: str, name: str) -> Pattern:
    """Read it back."""
    agent = await system.kube.get(VOICE_AGENT, namespace, name)
    children = [
        (kind, obj)
        for kind in CHILDREN
        for obj in (await system.kube.list_all(kind, f"{names.LABEL_AGENT}={name}"))[0]
        if namespace_of(obj) == namespace and names.LABEL_AGENT in labels_of(obj)
    ]
    number = agent["spec"]["numbers"][0]
    trunk = next(t for t in await system.sip.list_trunks() if number in t.numbers)
    rules = await system.sip.list_rules()
    rule = next(r for r in rules if trunk.sip_trunk_id in r.trunk_ids)
    return Pattern(agent, children, trunk, rule)


async def floor(system: System, found: Pattern, n: int) -> dict[str, Any]:
    """Write it `n` times; no operator may run."""
    for index in range(NAMESPACES):
        await system.kube.create(NAMESPACE, {"metadata": {"name": _namespace(index)}})
    indexes = iter(range(n))
    before, began = usage(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_write_on(system, found, indexes))
    took = time.monotonic() - began
    spent = usage().since(before)
    return {
        "cr_per_s": round(n / took, 1),
        "writes_per_cr": 3 + len(found.children),
        "cpu_ms_per_cr": {name: round(1000 * s / n, 1) for name, s in spent.by_name.items()},
        "busy_cores": round(spent.busy_s / took, 2),
    }


async def _write_on(system: System, found: Pattern, indexes: Iterator[int]) -> None:
    kube, sip = system.kube, system.sip
    for index in indexes:
        where, name = _namespace(index), f"floor-{index:04d}"
        made = await kube.create(VOICE_AGENT, _copy(VOICE_AGENT, found.agent, where, name))
        finalizers = {"metadata": {"finalizers": found.agent["metadata"]["finalizers"]}}
        await kube.patch(VOICE_AGENT, where, name, finalizers)
        for kind, child in found.children:
            await kube.create(kind, _copy(kind, child, where, f"{name}-{kind.plural}"))
        trunk, rule = SIPInboundTrunkInfo(), SIPDispatchRuleInfo()
        trunk.CopyFrom(found.trunk)
        rule.CopyFrom(found.rule)
        trunk.sip_trunk_id = rule.sip_dispatch_rule_id = ""
        trunk.numbers[:] = [f"+1556{index:07d}"]
        rule.trunk_ids[:] = [(await sip.create_trunk(trunk)).sip_trunk_id]
        await sip.create_rule(rule)
        status = {"metadata": made["metadata"], "status": found.agent["status"]}
        await kube.apply(VOICE_AGENT, _named(VOICE_AGENT, status, where, name), "status")


def _namespace(index: int) -> str:
    return f"floor-{index % NAMESPACES:02d}"


def _copy(kind: Kind, obj: Object, where: str, name: str) -> Object:
    new = _named(kind, copy.deepcopy(obj), where, name)
    new.pop("status", None)
    return new


def _named(kind: Kind, obj: Object, where: str, name: str) -> Object:
    kept = {k: v for k, v in obj["metadata"].items() if k in {"labels", "annotations"}}
    return {
        **obj,
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {**kept, "name": name, "namespace": where},
    }
