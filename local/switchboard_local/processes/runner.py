"""The runner: worker processes in place of pods, for each Deployment that Switchboard made.

Level-triggered: every half second it compares what Deployments ask for with what runs, takes one
step, and writes the Deployments' status. It is killed with its starter, and its workers with it.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from switchboard_contract import names
from switchboard_local.part import Part
from switchboard_local.ports import LOOPBACK, free_port
from switchboard_local.probes import HttpReady
from switchboard_local.process import RunningPart, start
from switchboard_local.processes.kube import Kube
from switchboard_local.processes.pages import write_pages
from switchboard_local.processes.pod_template import (
    PodFacts,
    UnresolvedError,
    referred_config_maps,
    referred_secrets,
    refuse_secret_files,
    resolve_environment,
    template_hash,
)
from switchboard_local.processes.replicas import Replica, decide, deployment_status

TICK_SECONDS = 0.5
RESTART_SECONDS = 2.0
LONGEST_RESTART_SECONDS = 60.0
"""Pause before a worker that ended by itself is started again; it doubles with each end."""

WORKER_COMMAND = (sys.executable, "-m", "switchboard_agent")

SELECTOR = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY},{names.LABEL_POOL}"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """One worker process."""

    name: str
    template: str
    running: RunningPart
    ready: bool = False
    leaving: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Pool:
    """The processes of one Deployment."""

    namespace: str
    name: str
    workers: list[Worker] = field(default_factory=list)
    started: int = 0
    """Counts starts: gives each worker its own name."""
    not_before: float = 0.0
    pause_seconds: float = RESTART_SECONDS
    status: dict[str, Any] | None = None
    """What was written last."""
    problem: str = ""
    """Why no worker of the wanted template can be started."""


class Runner:
    """Holds the pools and moves them towards what is asked for."""

    def __init__(
        self,
        kube: Kube,
        *,
        logs: Path,
        access: dict[str, str],
        leaving: asyncio.TaskGroup,
        command: tuple[str, ...] = WORKER_COMMAND,
        pages: Path | None = None,
    ) -> None:
        self._kube = kube
        self._pages = pages
        self._command = command
        self._logs = logs
        self._access = access
        self._leaving = leaving
        self._pools: dict[tuple[str, str], Pool] = {}

    async def run(self) -> None:
        """Go on until cancelled; an API server that does not answer is asked again."""
        try:
            while True:
                try:
                    await self._tick()
                except (aiohttp.ClientError, TimeoutError) as error:
                    log.warning("API server: %s", error)
                await asyncio.sleep(TICK_SECONDS)
        finally:
            for pool in self._pools.values():
                for worker in pool.workers:
                    await worker.running.kill()

    async def _tick(self) -> None:
        deployments = {_key(item): item for item in await self._kube.deployments(SELECTOR)}
        for key, pool in list(self._pools.items()):
            if key not in deployments:
                self._dismiss(pool, [worker.name for worker in pool.workers], grace_seconds=30)
                await _forget_ended(pool)
                if not pool.workers:
                    del self._pools[key]
        for key, deployment in deployments.items():
            pool = self._pools.setdefault(key, Pool(*key))
            await self._step(pool, deployment)
        if self._pages is not None:
            write_pages(self._pages, _metrics_pages(self._pools.values()))

    async def _step(self, pool: Pool, deployment: dict[str, Any]) -> None:
        spec = deployment["spec"]
        wanted, template = int(spec.get("replicas", 1)), template_hash(spec["template"])
        if await _forget_ended(pool):
            pool.not_before = time.monotonic() + pool.pause_seconds
            pool.pause_seconds = min(2 * pool.pause_seconds, LONGEST_RESTART_SECONDS)
        await _ask_ready(pool)
        if any(worker.ready for worker in pool.workers):
            pool.pause_seconds = RESTART_SECONDS
        decision = decide(_replicas(pool), wanted=wanted, template=template)
        grace = float(spec["template"]["spec"].get("terminationGracePeriodSeconds", 30))
        self._dismiss(pool, decision.leave, grace_seconds=grace)
        if not decision.start:
            pool.problem = ""
        elif time.monotonic() >= pool.not_before:
            await self._start(pool, spec["template"], template)
        status = deployment_status(
            _replicas(pool),
            wanted=wanted,
            template=template,
            generation=int(deployment["metadata"]["generation"]),
            problem=pool.problem,
        )
        if status != pool.status:
            await self._kube.patch_deployment_status(pool.namespace, pool.name, status)
            pool.status = status

    async def _start(self, pool: Pool, pod: dict[str, Any], template: str) -> None:
        pool.started += 1
        name = f"{pool.name}-{template[:5]}-{pool.started}"
        try:
            refuse_secret_files(pod["spec"])
            environment = await self._environment(pool, pod, name)
        except UnresolvedError as error:
            if str(error) != pool.problem:
                log.warning("%s cannot start: %s", name, error)
            pool.problem = str(error)
            return
        pool.problem = ""
        port = free_port()
        part = Part(
            name=f"worker-{pool.namespace}-{name}",
            command=self._command,
            probe=HttpReady(f"http://{LOOPBACK}:{port}/readyz"),
            environment=environment
            | self._access
            | {"SWITCHBOARD_HTTP_PORT": str(port), "SWITCHBOARD_WORKER_NAME": name},
        )
        pool.workers.append(Worker(name, template, await start(part, self._logs)))

    async def _environment(self, pool: Pool, pod: dict[str, Any], name: str) -> dict[str, str]:
        container = pod["spec"]["containers"][0]
        secrets, config_maps = {}, {}
        for secret in referred_secrets(container):
            if (data := await self._kube.secret(pool.namespace, secret)) is not None:
                secrets[secret] = data
        for config_map in referred_config_maps(container):
            if (data := await self._kube.config_map(pool.namespace, config_map)) is not None:
                config_maps[config_map] = data
        labels = pod.get("metadata", {}).get("labels", {})
        facts = PodFacts(name=name, namespace=pool.namespace, labels=labels)
        return resolve_environment(container, pod=facts, secrets=secrets, config_maps=config_maps)

    def _dismiss(
        self, pool: Pool, leave: list[str] | tuple[str, ...], grace_seconds: float
    ) -> None:
        for worker in pool.workers:
            if worker.name in leave and worker.leaving is None:
                stopping = worker.running.stop(grace_seconds=grace_seconds)
                worker.leaving = self._leaving.create_task(stopping)


def _metrics_pages(pools: Iterable[Pool]) -> list[str]:
    """Return where the workers that take calls tell their metrics."""
    return [
        f"http://{LOOPBACK}:{worker.running.part.environment['SWITCHBOARD_HTTP_PORT']}/metrics"
        for pool in pools
        for worker in pool.workers
        if worker.ready and worker.leaving is None
    ]


def _key(deployment: dict[str, Any]) -> tuple[str, str]:
    metadata = deployment["metadata"]
    return metadata["namespace"], metadata["name"]


def _replicas(pool: Pool) -> list[Replica]:
    return [
        Replica(worker.name, worker.template, worker.ready, worker.leaving is not None)
        for worker in pool.workers
    ]


async def _forget_ended(pool: Pool) -> bool:
    """Drop workers that have ended; tell whether one did so unasked."""
    ended = [worker for worker in pool.workers if worker.running.has_ended]
    for worker in ended:
        pool.workers.remove(worker)
        if worker.leaving is None:
            log.warning("%s", await worker.running.ended())
    return any(worker.leaving is None for worker in ended)


async def _ask_ready(pool: Pool) -> None:
    with contextlib.suppress(TimeoutError):
        answers = await asyncio.gather(
            *(worker.running.part.probe.why_not_ready() for worker in pool.workers)
        )
        for worker, why in zip(pool.workers, answers, strict=True):
            worker.ready = why is None
