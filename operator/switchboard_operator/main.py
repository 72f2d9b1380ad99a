"""The process: settings, clients, leadership, and an end that is bounded in time.

SIGTERM cancels the reconciles (they are level-triggered: the next leader finishes them), gives the
lease back so that a standby leads at once, and ends the process within `SHUTDOWN_SECONDS` whatever
hangs. A lost lease ends the process too.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from functools import partial

import uvloop

from switchboard_operator import instruments, log, settings
from switchboard_operator.canary import Canary
from switchboard_operator.desired.models import pod_templates
from switchboard_operator.errors import OperatorError
from switchboard_operator.health import Health, serving
from switchboard_operator.kube.client import KubeClient
from switchboard_operator.kube.credentials import make_login
from switchboard_operator.kube.kinds import CHILDREN, OPTIONAL_CHILDREN, Kind
from switchboard_operator.leader import Process, lead
from switchboard_operator.lease import Lease
from switchboard_operator.metrics_api import pools
from switchboard_operator.observe import kube_requests, livekit_requests
from switchboard_operator.probe.rooms import LiveKitProbeRooms
from switchboard_operator.scaling import scaling
from switchboard_operator.selfcheck.check import SelfCheck
from switchboard_operator.selfcheck.needs import Home
from switchboard_operator.settings import Settings
from switchboard_operator.sip.api import LiveKitApi
from switchboard_operator.telemetry import Telemetry, make_telemetry
from switchboard_operator.tracing import Tracing, make_tracing

_log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 5.0
"""From the signal to the end of the process at the latest; kopf alone may take longer."""

_GARBAGE_AFTER = 20_000
"""Containers made until garbage is looked for. With Python's 700 more than half of a start with
1,000 VoiceAgents went into looking: objects of the API are trees, of which none is garbage."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SPARE_CONNECTIONS = 10 + len(CHILDREN) + len(OPTIONAL_CHILDREN)
"""Beside one per worker: a watch of each kind of child, four others, the lease, lists."""


def main() -> int:
    """Run the operator; return the exit status."""
    try:
        chosen = settings.from_environment()
        pod_templates.check(chosen.model_servers)
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    tracing = make_tracing(chosen.otlp_endpoint, chosen.identity)
    log.configure(chosen.log_level, tracing.ids)
    gc.freeze()  # what was imported stays
    gc.set_threshold(_GARBAGE_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(run(chosen, tracing))
        finally:
            tracing.close()


async def run(chosen: Settings, tracing: Tracing) -> int:
    """Serve probes, stand by, lead once the lease is held, until told to stop."""
    stop = asyncio.Event()
    _on_signals(stop)
    telemetry = make_telemetry()
    health = Health(asyncio.get_running_loop().time)
    canary = Canary(asyncio.get_running_loop().time, chosen.watch_dead_seconds)
    worker = chosen.worker
    login = make_login(chosen)
    connections = chosen.concurrency + _SPARE_CONNECTIONS
    async with (
        KubeClient(
            login,
            connections=connections,
            on_write=partial(_wrote, telemetry),
            around=kube_requests(telemetry, tracing),
        ) as api,
        LiveKitApi(
            chosen.livekit_api_url,
            worker.livekit_api_key,
            worker.livekit_api_secret,
            partial(_asked, telemetry),
            livekit_requests(telemetry, tracing),
        ) as sip,
        scaling(chosen, api) as scaler,
        serving(health, telemetry, chosen.http_port, pools.routes(scaler.heartbeats)),
    ):
        home = Home(chosen.operator_namespace, worker.metrics.owner)
        check = SelfCheck(api, health, telemetry, home)
        process = Process(
            chosen,
            login,
            api,
            sip,
            telemetry,
            health,
            tracing=tracing,
            probe_rooms=LiveKitProbeRooms(sip),
            canary=canary,
            check=check,
            scaling=scaler,
        )
        instruments.of_process(process)
        lease = Lease(
            api,
            namespace=chosen.operator_namespace,
            identity=chosen.identity,
            seconds=chosen.lease_seconds,
            on_written=canary.sent,
        )
        return await _until_stopped(stop, lease, process)


async def _until_stopped(stop: asyncio.Event, lease: Lease, process: Process) -> int:
    leading = asyncio.create_task(_lead_with_lease(stop, lease, process))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({leading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    asked = stop.is_set()
    stopping.cancel()
    leading.cancel()
    done, _ = await asyncio.wait({leading}, timeout=SHUTDOWN_SECONDS / 2)
    if process.health.leading:
        await lease.release()
    error = next((t.exception() for t in done if not t.cancelled()), None)
    if error is not None and not asked:
        cause = _cause(error)
        known = isinstance(cause, OperatorError)
        _log.error("stopping: %s", cause if known else repr(cause), exc_info=not known and error)
    return 0 if asked else 1


async def _lead_with_lease(stop: asyncio.Event, lease: Lease, process: Process) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(process.check.follow())
        await process.check.permitted.wait()  # one that may do nothing takes no lease
        leads = asyncio.Event()
        group.create_task(_keep(lease, process.health, leads))
        group.create_task(lead(process, leads, on_watching=partial(_on_signals, stop)))


async def _keep(lease: Lease, health: Health, leads: asyncio.Event) -> None:
    await lease.acquire()
    health.leading = True
    leads.set()
    await lease.hold()


def _cause(error: BaseException) -> BaseException:
    """Return what began it: task groups wrap what ends them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _on_signals(stop: asyncio.Event) -> None:
    """Stop on SIGTERM and SIGINT. kopf installs handlers of its own: call this again after it."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _stop, stop)


def _stop(stop: asyncio.Event) -> None:
    if stop.is_set():
        return
    _log.info("stopping")
    stop.set()
    last_resort = threading.Timer(SHUTDOWN_SECONDS, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()


def _wrote(telemetry: Telemetry, kind: Kind, verb: str) -> None:
    telemetry.api_writes.labels(kind.kind, verb).inc()


def _asked(telemetry: Telemetry, method: str, result: str) -> None:
    telemetry.livekit_requests.labels(method, result).inc()
