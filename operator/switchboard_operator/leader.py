"""What the process does: it watches from its start, and works once it leads.

A standby keeps its store up, so that it need not read a cluster first when the leader dies. Nothing
is queued before `leads` is set, and LiveKit, which has no watch, is read when it is.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from switchboard_operator import instruments, livekit_poll, references, scaling
from switchboard_operator.canary import Canary
from switchboard_operator.directory import Directory, Key, KeyKind
from switchboard_operator.errors import NotFoundError
from switchboard_operator.health import Health
from switchboard_operator.kube.client import KubeClient
from switchboard_operator.kube.credentials import Login
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import CHILDREN, OPTIONAL_CHILDREN, TENANT, VOICE_AGENT
from switchboard_operator.kube.metadata_watch import KubeMetadataWatch
from switchboard_operator.kube.object_watch import KubeObjectWatch
from switchboard_operator.models.servers import ModelServers
from switchboard_operator.probe.rooms import ProbeRooms
from switchboard_operator.probe.setup import make_prober
from switchboard_operator.reconcile import model_server, suspension, tenant, voice_agent
from switchboard_operator.reconcile.context import Context
from switchboard_operator.references import ReferenceCache
from switchboard_operator.scaling import Scaling
from switchboard_operator.selfcheck import outdated
from switchboard_operator.selfcheck.check import SelfCheck
from switchboard_operator.settings import Settings
from switchboard_operator.sip.api import SipApi
from switchboard_operator.sip.mirror import Mirror
from switchboard_operator.store import Store
from switchboard_operator.telemetry import Telemetry
from switchboard_operator.tracing import Tracing
from switchboard_operator.watch import children, kopf_watches
from switchboard_operator.watch.feed import Feed
from switchboard_operator.worker import Workers
from switchboard_operator.workqueue import WorkQueue

_log = logging.getLogger(__name__)

TENANT_DELAY_SECONDS = 1.0
"""A Tenant's counts change with each of its VoiceAgents: a burst of them is one write."""


@dataclass(frozen=True, slots=True)
class Process:
    """What lives as long as the process, whether it leads or not."""

    settings: Settings
    login: Login
    api: KubeClient
    sip: SipApi
    telemetry: Telemetry
    health: Health
    tracing: Tracing
    probe_rooms: ProbeRooms
    canary: Canary
    check: SelfCheck
    scaling: Scaling


async def lead(process: Process, leads: asyncio.Event, on_watching: Callable[[], None]) -> None:
    """Watch until cancelled, and reconcile once `leads` is set.

    `on_watching` is called once kopf has set itself up.
    """
    settings, api = process.settings, process.api
    await _wait_for_crds(api)
    on_wait = process.telemetry.queue_wait.observe
    queue: WorkQueue[Key] = WorkQueue(on_wait=on_wait, is_urgent=_is_urgent)
    working = asyncio.Event()
    wake = partial(_wake, queue, working)
    store = Store()
    directory = Directory(store)
    discovery = Discovery(api)
    feed = Feed(
        api, store, directory, wake, discovery=discovery, missed=instruments.missed(process)
    )
    cache = ReferenceCache(api, wake)
    mirror = Mirror(process.sip)
    known = Context(settings, api, store, directory, cache, mirror, _now, discovery)
    recorder = instruments.recorder(process)
    prober = make_prober(process, wake, _now)
    provider = settings.worker.metrics.provider
    context = replace(
        known,
        events=recorder,
        contests=instruments.contests(process),
        models=ModelServers(directory.model_asks, wake),
        prober=prober,
        autoscaling=process.scaling.known_to(provider, discovery),
    )
    workers = _workers(process, context, queue, feed)
    instrument = partial(instruments.of_leader, process, queue, store, directory, mirror)
    watching = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(settings.concurrency):
                group.create_task(workers.run())
            poll = livekit_poll.follow(mirror, store, wake, settings.livekit_poll_seconds)
            tell = scaling.lead(process.scaling, feed, store, queue.add_after)
            for work in (_heed_crds(process, feed), poll, tell):
                group.create_task(_after(working, work))
            for kind in references.KINDS:
                group.create_task(references.follow(KubeMetadataWatch(api), kind, cache))
            for kind in (*CHILDREN, *OPTIONAL_CHILDREN):
                group.create_task(children.follow(KubeObjectWatch(api), feed, discovery, kind))
            group.create_task(recorder.write_all())
            group.create_task(feed.sweep_when_asked())
            group.create_task(feed.sweep_all_every(settings.resync_seconds))
            group.create_task(feed.follow_served(settings.discovery_seconds))
            group.create_task(prober.run())
            reading = _open(feed, process, watching, on_watching)
            leading = _take_up(process, mirror, leads, instrument)
            group.create_task(_begin(process, feed, working, reading, leading))
            watch = kopf_watches.run(feed, process.login, process.canary, watching)
            group.create_task(watch)
    finally:
        context.models.close()
        queue.close()


def _workers(process: Process, context: Context, queue: WorkQueue[Key], feed: Feed) -> Workers:
    return Workers(
        queue=queue,
        reconcilers={
            KeyKind.VOICE_AGENT: partial(voice_agent.reconcile, context),
            KeyKind.TENANT: partial(tenant.reconcile, context),
            KeyKind.MODEL_SERVER: partial(model_server.reconcile, context),
            KeyKind.SUSPENSION: partial(suspension.reconcile, context),
        },
        resync_seconds=process.settings.resync_seconds,
        telemetry=process.telemetry,
        tracing=process.tracing,
        health=process.health,
        on_stale=partial(feed.doubt, VOICE_AGENT),
        may_write=process.check.schema_fits,
    )


async def _open(
    feed: Feed, process: Process, watching: asyncio.Event, on_watching: Callable[[], None]
) -> None:
    """Read the cluster while kopf sets itself up: it lists for itself what it watches."""
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(feed.open())
        await watching.wait()
        on_watching()
        process.canary.watching()
        await reading
    _log.info("watching")


async def _begin(
    process: Process, feed: Feed, working: asyncio.Event, *before: Coroutine[None, None, None]
) -> None:
    """Let everybody be looked at once the cluster is known and the work is this process's."""
    async with asyncio.TaskGroup() as group:
        for preparation in before:
            group.create_task(preparation)
    working.set()
    feed.wake_everybody()
    process.health.started = True
    _log.info("reconciling")


async def _take_up(
    process: Process, mirror: Mirror, leads: asyncio.Event, instrument: Callable[[], None]
) -> None:
    """Wait for the lead, then learn what no watch tells."""
    await leads.wait()
    await outdated.wait(process.check, process.api, _now)
    await mirror.poll()
    await scaling.prepare(process.scaling)
    process.health.progress()
    instrument()


async def _after(event: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do some work, but not before the event."""
    with closing(work):
        await event.wait()
        await work


async def _heed_crds(process: Process, feed: Feed) -> None:
    tick, mended = process.health.progress, feed.wake_everybody
    await outdated.follow(process.check, process.api, _now, tick=tick, mended=mended)


async def _wait_for_crds(api: KubeClient) -> None:
    """Wait until both kinds are served: without them there is nothing to watch."""
    for kind in (VOICE_AGENT, TENANT):
        while True:
            try:
                await api.page(kind, {"limit": "1"})
                break
            except NotFoundError:
                _log.warning(
                    "the API server does not serve %s: install the chart switchboard-crds",
                    kind.plural,
                )
            await asyncio.sleep(2)


def _wake(queue: WorkQueue[Key], working: asyncio.Event, key: Key) -> None:
    if not working.is_set():
        return
    if key.kind is KeyKind.TENANT:
        queue.add_after(key, TENANT_DELAY_SECONDS)
    else:
        queue.add(key)


def _is_urgent(key: Key) -> bool:
    return key.kind is KeyKind.SUSPENSION


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
