"""What the operator does with 1,000 VoiceAgents: `python -m tests.bench.operator_burst`.

Real API server, etcd, controller-manager and LiveKit on this machine, sharing its cores with the
operator and with this program. The stages, each in the JSON under its own name:

burst          n VoiceAgents over 50 Tenants written as fast as the API server takes them, until
               each status says that trunk and rule are in LiveKit (all children exist by then)
changes        once it is calm: single spec changes, then several times 50 at once, each until the
               status names the new revision
steady         a minute in which nothing happens
restart        the operator ends and starts again: until every VoiceAgent was looked at
failover       the leader is killed: until a standby has made a change true
deletion       all of them deleted: until neither VoiceAgents nor LiveKit objects are left

A second burst runs without the controller-manager. In the end the same objects are written by a
client that thinks of nothing, with it and without: what this machine gives at best
(`operator_floor`).

Writes out/bench/operator.json.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import NAMESPACE, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.bench import operator_floor
from tests.bench.processes import resident_mb, usage
from tests.operator.samples import agent, namespace, tenant
from tests.operator.system import OperatorProcess, System, running_system, until

TENANTS = 50
WRITERS = 6
"""VoiceAgents written at once: more only makes the API server queue them."""
SINGLE_CHANGES = 50
CHANGES_AT_ONCE = 50
BURSTS_OF_CHANGES = 7
"""With 1,000 VoiceAgents the API server takes twice as long over some of them as over others, for a
collection of its garbage. So there are several, and the middle one counts."""
STEADY_SECONDS = 60.0
CALM_SECONDS = 3
PATIENCE_SECONDS = 300.0
FIRST_NUMBER = 15_550_100_000
SHIPPED = {"SWITCHBOARD_LIVEKIT_POLL_SECONDS": "", "SWITCHBOARD_DISCOVERY_SECONDS": ""}
"""Empty: the operator's own defaults. Tests look oftener, which costs LiveKit 0.1 s each time."""


@dataclass
class Watch:
    """Statuses as they become known, with the time at which they did."""

    system: System
    sip_ready_at: dict[str, float] = field(default_factory=dict)
    revision_at: dict[tuple[str, str], float] = field(default_factory=dict)
    """First time at which the status of an agent named a revision."""
    revisions: dict[str, str] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Watch VoiceAgents for ever."""
        while True:
            with contextlib.suppress(KubeApiError):
                listed, version = await self.system.kube.list_all(VOICE_AGENT)
                for obj in listed:
                    self._take(obj)
                await self._from(version)

    async def _from(self, version: str) -> None:
        params = {"watch": "true", "resourceVersion": version}
        async for line in self.system.kube.lines(VOICE_AGENT, params, "application/json"):
            event = orjson.loads(line)
            if event["type"] == "ERROR":
                return
            self._take(event["object"])

    def _take(self, obj: Object) -> None:
        now = time.monotonic()
        name, status = obj["metadata"]["name"], obj.get("status") or {}
        if revision := status.get("revision"):
            self.revisions[name] = revision
            self.revision_at.setdefault((name, revision), now)
        for condition in status.get("conditions", []):
            if condition["type"] == "SIPReady" and condition["status"] == "True":
                self.sip_ready_at.setdefault(name, now)
        self.news.set()

    async def wait(self, done: Callable[[], bool], what: str) -> None:
        """Wait for the watch to have seen something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not done():
                self.news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 5)
        say(what)


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def spread_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    values = np.array(seconds) * 1000
    return {f"p{q}": round(float(np.percentile(values, q)), 1) for q in (50, 95, 99)}


def several(bursts: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Percentiles of the burst in the middle, and where the others lie."""
    spreads = sorted((spread_ms(burst) for burst in bursts), key=lambda spread: spread["p95"])
    return {
        "spec_change_50_ms": spreads[len(spreads) // 2],
        "spec_change_50_p95_ms_of_each": [spread["p95"] for spread in spreads],
    }


def where(index: int) -> str:
    """Namespace of an agent, which is also the name of its Tenant."""
    return f"tenant-{index % TENANTS:02d}"


def agent_name(index: int) -> str:
    """Name of an agent."""
    return f"agent-{index:04d}"


async def write_tenants(system: System) -> None:
    """Write Tenants and namespaces."""
    for index in range(TENANTS):
        await system.put(TENANT, tenant(where(index)))
        await system.put(NAMESPACE, namespace(where(index), where(index)))


async def write_agents(system: System, count: int, most_workers: int) -> dict[str, float]:
    """Write all agents; when each was accepted by the API server."""
    written: dict[str, float] = {}
    indexes = iter(range(count))

    async def writer() -> None:
        for index in indexes:
            obj = agent(
                agent_name(index),
                where(index),
                numbers=[f"+{FIRST_NUMBER + index}"],
                scaling={"min": 1, "max": most_workers},
            )
            await system.kube.create(VOICE_AGENT, obj)
            written[agent_name(index)] = time.monotonic()

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(writer())
    return written


async def burst(
    system: System, watch: Watch, operator: OperatorProcess, n: int, most_workers: int
) -> dict[str, Any]:
    """Write all agents at once and wait until each is in LiveKit."""
    before, began = usage(), time.monotonic()
    writes_before = sum((await operator.writes()).values())
    written = await write_agents(system, n, most_workers)
    say(f"{n} written in {time.monotonic() - began:.1f} s")
    await watch.wait(lambda: len(watch.sip_ready_at) >= n, f"{n} reconciled")
    took = max(watch.sip_ready_at.values()) - began
    spent = usage().since(before)
    writes = sum((await operator.writes()).values()) - writes_before
    waits = [watch.sip_ready_at[name] - at for name, at in written.items()]
    return {
        "reconciled_s": round(took, 2),
        "cr_per_s": round(n / took, 1),
        "apply_to_children_ms": spread_ms(waits),
        "writes_per_cr": round(writes / n, 2),
        "cpu_ms_per_cr": {name: round(1000 * s / n, 1) for name, s in spent.by_name.items()},
        "busy_cores": round(spent.busy_s / took, 2),
    }


async def change(system: System, watch: Watch, index: int, word: str) -> float:
    """Change one agent; seconds until its status names the new revision."""
    name, old = agent_name(index), watch.revisions[agent_name(index)]
    patch = {"spec": {"persona": {"name": word}}}
    began = time.monotonic()
    await system.kube.patch(VOICE_AGENT, where(index), name, patch)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while watch.revisions[name] == old:
            watch.news.clear()
            await watch.news.wait()
    return watch.revision_at[name, watch.revisions[name]] - began


async def changes(system: System, watch: Watch, n: int) -> dict[str, Any]:
    """Single changes one after the other, then many at once."""
    step = max(1, n // SINGLE_CHANGES)
    single = [
        await change(system, watch, index * step % n, f"Ann{index}")
        for index in range(SINGLE_CHANGES)
    ]
    bursts = []
    for burst in range(BURSTS_OF_CHANGES):
        await asyncio.sleep(CALM_SECONDS)
        at_once = (
            change(system, watch, 7 * i % n, f"Bea{burst}{i}")
            for i in range(min(CHANGES_AT_ONCE, n))
        )
        bursts.append(await asyncio.gather(*at_once))
    return {"spec_change_ms": spread_ms(single), **several(bursts)}


async def steady(operator: OperatorProcess) -> dict[str, Any]:
    """A minute of nothing."""
    await settled(operator)
    before, writes = usage(), await operator.writes()
    await asyncio.sleep(STEADY_SECONDS)
    spent, now = usage().since(before), await operator.writes()
    new = {k: v - writes.get(k, 0.0) for k, v in now.items() if v != writes.get(k, 0.0)}
    return {
        "steady_writes_per_min": round(sum(new.values()) * 60 / STEADY_SECONDS, 2),
        "cpu_idle_mcore": round(1000 * spent.by_name["operator"] / STEADY_SECONDS, 1),
        "rss_mb": resident_mb(operator.process.pid),
    }


async def settled(operator: OperatorProcess) -> None:
    """Wait until nothing is written for three seconds."""
    last, calm = sum((await operator.writes()).values()), 0
    while calm < CALM_SECONDS:
        await asyncio.sleep(1)
        now = sum((await operator.writes()).values())
        calm = calm + 1 if now == last else 0
        last = now


async def restart(
    system: System, operator: OperatorProcess, n: int
) -> tuple[OperatorProcess, dict[str, Any]]:
    """End the operator and start it again with everything unchanged."""
    stop_s = await operator.stop()
    began = time.monotonic()
    again = await system.start_operator(leading=False, extra=SHIPPED)

    async def caught_up() -> bool:
        if again.process.returncode is not None:
            raise RuntimeError(again.log.read_text()[-2000:])
        with contextlib.suppress(OSError):
            metrics = await again.metrics()
            name = 'switchboard_reconciles_total{kind="VoiceAgent",result="ok"}'
            return metrics.get(name, 0.0) >= n
        return False

    await until(caught_up, "caught up", seconds=PATIENCE_SECONDS)
    took = time.monotonic() - began
    await settled(again)
    writes = sum((await again.writes()).values())
    return again, {
        "restart": {"writes": writes, "caught_up_s": round(took, 2), "stop_s": round(stop_s, 2)}
    }


async def failover(
    system: System, watch: Watch, leader: OperatorProcess
) -> tuple[OperatorProcess, dict[str, Any]]:
    """Kill the leader beside a standby, and change something."""
    standby = await system.start_operator(leading=False, extra=SHIPPED)
    await until(standby.knows_the_cluster, "the standby stands by", seconds=PATIENCE_SECONDS)
    began = time.monotonic()
    await leader.stop(signal.SIGKILL)
    await change(system, watch, 0, "Cleo")
    return standby, {"failover_s": round(time.monotonic() - began, 2)}


async def deletion(system: System, n: int) -> dict[str, Any]:
    """Delete every agent and wait until LiveKit is empty too."""
    began = time.monotonic()
    indexes = iter(range(n))

    async def deleter() -> None:
        for index in indexes:
            found = await system.kube.get(VOICE_AGENT, where(index), agent_name(index))
            await system.kube.delete(VOICE_AGENT, found)

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(deleter())

    async def gone() -> bool:
        page = await system.kube.page(VOICE_AGENT, {"limit": "1"})
        return not page["items"]

    await until(gone, "all deleted", seconds=PATIENCE_SECONDS)
    took = time.monotonic() - began
    trunks, rules = await system.sip.list_trunks(), await system.sip.list_rules()
    return {"delete_s": round(took, 2), "livekit_objects_left": len(trunks) + len(rules)}


async def compiled() -> None:
    """Write the operator's bytecode, which its image has: without, a start keeps 16 MB more."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    load = ("-c", "import switchboard_operator.main")
    process = await asyncio.create_subprocess_exec(sys.executable, *load, env=env)
    if status := await process.wait():
        raise RuntimeError(f"importing the operator ended with {status}")


@contextlib.asynccontextmanager
async def prepared(*, kcm: bool) -> AsyncIterator[tuple[System, Watch, OperatorProcess]]:
    """The system with Tenants and an operator, watched."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        controllers = ("*",) if kcm else ()
        async with running_system(Path(folder), controllers=controllers) as system:
            await write_tenants(system)
            operator = await system.start_operator(extra=SHIPPED)
            watch = Watch(system)
            follower = asyncio.create_task(watch.follow())
            try:
                yield system, watch, operator
            finally:
                follower.cancel()


async def main(n: int, most_workers: int) -> dict[str, Any]:
    """Run every stage."""
    facts: dict[str, Any] = {"n": n, "tenants": TENANTS, "autoscalers": most_workers > 1}
    await compiled()
    async with prepared(kcm=True) as (system, watch, first):
        facts |= await burst(system, watch, first, n, most_workers)
        facts["rss_after_burst_mb"] = resident_mb(first.process.pid)
        say(json.dumps(facts))
        await settled(first)
        facts |= await changes(system, watch, n)
        facts |= await steady(first)
        say("steady state measured")
        second, restarted = await restart(system, first, n)
        facts |= restarted
        _, failed_over = await failover(system, watch, second)
        facts |= failed_over
        say("restarted and failed over")
        facts |= await deletion(system, n)
        say(json.dumps(facts))
    async with prepared(kcm=False) as (system, watch, operator):
        alone = await burst(system, watch, operator, n, most_workers)
        await settled(operator)
        found = await operator_floor.pattern(system, where(0), agent_name(0))
    facts["cr_per_s_without_kcm"] = alone["cr_per_s"]
    facts["without_kcm"] = alone
    facts["floor"] = await floor(found, n, kcm=True)
    facts["floor_without_kcm"] = await floor(found, n, kcm=False)
    facts["part_of_floor"] = {
        "with_kcm": round(facts["cr_per_s"] / facts["floor"]["cr_per_s"], 2),
        "without_kcm": round(alone["cr_per_s"] / facts["floor_without_kcm"]["cr_per_s"], 2),
    }
    return facts


async def floor(found: operator_floor.Pattern, n: int, *, kcm: bool) -> dict[str, Any]:
    """On an empty system, as the burst had: LiveKit is slower with every trunk that is there."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with running_system(Path(folder), controllers=("*",) if kcm else ()) as bare:
            facts = await operator_floor.floor(bare, found, n)
            if not kcm:  # which would still be at work on what was written
                facts |= several(
                    [
                        await operator_floor.changes(bare, found, min(CHANGES_AT_ONCE, n), burst)
                        for burst in range(BURSTS_OF_CHANGES)
                    ]
                )
    return facts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--n", type=int, default=1000, help="VoiceAgents")
    parser.add_argument(
        "--autoscaled", action="store_true", help="each with an HPA, which the cluster runs too"
    )
    parser.add_argument("--out", type=Path, default=Path("out/bench/operator.json"))
    chosen = parser.parse_args()
    result = asyncio.run(main(chosen.n, 3 if chosen.autoscaled else 1))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
