"""What the machine gives at best: the same objects, written by a client that thinks of nothing.

A burst of VoiceAgents is bound by the processor, and most of that is the API server's. How fast it
can be on this machine, today, is found by writing again what the operator wrote for one agent, as
often and as many at a time: the VoiceAgent, its finalizer, every child, trunk and rule, the status.
No watch, no plan, no comparison. The operator's figure is worth quoting as a part of this one.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from switchboard_contract import names
from switchboard_operator.kube.kinds import CHILDREN, CONFIG_MAP, NAMESPACE, VOICE_AGENT, Kind
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

    def copy(self, kind: Kind, obj: Object, where: str, name: str) -> Object:
        """One of its objects for another agent: names, labels and selectors are of that one."""
        text = json.dumps({key: part for key, part in obj.items() if key != "status"})
        new: Object = json.loads(text.replace(self.agent["metadata"]["name"], name))
        meta = {k: v for k, v in new["metadata"].items() if k in {"name", "labels", "annotations"}}
        return _typed(kind, new | {"metadata": meta | {"namespace": where}})


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
        where, name = _namespace(index), _name(index)
        await kube.create(VOICE_AGENT, found.copy(VOICE_AGENT, found.agent, where, name))
        finalizers = {"metadata": {"finalizers": found.agent["metadata"]["finalizers"]}}
        await kube.patch(VOICE_AGENT, where, name, finalizers)
        for kind, child in found.children:
            await kube.create(kind, found.copy(kind, child, where, name))
        trunk, rule = SIPInboundTrunkInfo(), SIPDispatchRuleInfo()
        trunk.CopyFrom(found.trunk)
        rule.CopyFrom(found.rule)
        trunk.sip_trunk_id = rule.sip_dispatch_rule_id = ""
        trunk.numbers[:] = [f"+1556{index:07d}"]
        rule.trunk_ids[:] = [(await sip.create_trunk(trunk)).sip_trunk_id]
        rule.name = name
        await sip.create_rule(rule)
        status = {"status": found.agent["status"]}
        await kube.apply(VOICE_AGENT, _called(where, name) | status, "status")


async def changes(system: System, found: Pattern, many: int, burst: int) -> list[float]:
    """Change the specs of so many at once; seconds until each has revision, rule and status."""
    kube, turns = system.kube, asyncio.Semaphore(AT_ONCE)
    rules = {rule.name: rule for rule in await system.sip.list_rules()}
    revision = next(child for kind, child in found.children if kind == CONFIG_MAP)

    async def change(index: int) -> float:
        where, name = _namespace(index), _name(index)
        new = f"{name}-next{burst}"
        began = time.monotonic()
        await kube.patch(VOICE_AGENT, where, name, {"spec": {"persona": {"name": f"Zoe{burst}"}}})
        async with turns:
            made = found.copy(CONFIG_MAP, revision, where, name)
            made["metadata"]["name"] = new
            await kube.create(CONFIG_MAP, made)
            rule = rules[name]
            rule.room_config.agents[0].metadata = new
            await system.sip.replace_rule(rule.sip_dispatch_rule_id, rule)
            status = {"status": found.agent["status"] | {"revision": new}}
            await kube.apply(VOICE_AGENT, _called(where, name) | status, "status")
        return time.monotonic() - began

    return await asyncio.gather(*(change(index) for index in range(many)))


def _namespace(index: int) -> str:
    return f"floor-{index % NAMESPACES:02d}"


def _name(index: int) -> str:
    return f"floor-{index:04d}"


def _called(where: str, name: str) -> Object:
    return _typed(VOICE_AGENT, {"metadata": {"name": name, "namespace": where}})


def _typed(kind: Kind, obj: Object) -> Object:
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
