"""Wiring between what happens and what is measured: gauges that are read when somebody asks."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from switchboard_operator.census import Census
from switchboard_operator.directory import Directory, Key
from switchboard_operator.events.recorder import Recorder
from switchboard_operator.kube.contest import Contests
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.sip.mirror import Mirror
from switchboard_operator.store import Store
from switchboard_operator.telemetry import Telemetry
from switchboard_operator.watch.missed import Missed
from switchboard_operator.workqueue import WorkQueue

if TYPE_CHECKING:
    from switchboard_operator.leader import Process


def of_process(process: "Process") -> None:
    """Connect what a standby has too."""
    health, telemetry, canary = process.health, process.telemetry, process.canary
    telemetry.leader.set_function(lambda: health.leading)
    telemetry.watch_canary_age.set_function(canary.age)
    health.watches = canary.is_alive


def of_leader(
    process: "Process", queue: WorkQueue[Key], store: Store, directory: Directory, mirror: Mirror
) -> None:
    """Connect what only a leader has."""
    telemetry = process.telemetry
    telemetry.queue_depth.set_function(partial(len, queue))
    telemetry.queue_oldest.set_function(queue.oldest_seconds)
    clock = asyncio.get_running_loop().time
    began = clock()
    telemetry.livekit_poll_age.set_function(lambda: clock() - (mirror.polled_at or began))
    telemetry.registry.register(Census(store, directory))
    process.health.waiting = partial(len, queue)


def missed(process: "Process") -> Missed:
    """Return the counter of what watches miss."""
    return Missed(partial(_missed, process.telemetry))


def recorder(process: "Process") -> Recorder:
    """Return the recorder of Kubernetes Events."""
    return Recorder(
        process.api,
        identity=process.settings.identity,
        on_result=partial(_event, process.telemetry),
    )


def contests(process: "Process") -> Contests:
    """Return the memory of fields that another controller fights for."""
    return Contests(asyncio.get_running_loop().time, partial(_tug, process.telemetry))


def _missed(telemetry: Telemetry, kind: Kind, count: int) -> None:
    telemetry.watch_missed.labels(kind.kind).inc(count)


def _event(telemetry: Telemetry, result: str) -> None:
    telemetry.kube_events.labels(result).inc()


def _tug(telemetry: Telemetry, kind: Kind) -> None:
    telemetry.tugs_of_war.labels(kind.kind).inc()
