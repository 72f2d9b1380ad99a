"""Everything around scaling that lives as long as the process, whether it leads or not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from switchboard_operator.autoscaling import Autoscaling
from switchboard_operator.directory import Key, KeyKind, agent_key, tenant_key
from switchboard_operator.heartbeats import Heartbeats, Moved, follow
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import name_of
from switchboard_operator.metrics_api.registration import Registration
from switchboard_operator.metrics_api.server import MetricsServer
from switchboard_operator.settings import MetricsProvider, Settings
from switchboard_operator.store import Store
from switchboard_operator.watch.feed import Feed

STATUS_SECONDS = 3.0
"""Time between two writes of one status for the sake of its figures."""

STATUS_WRITES_PER_SECOND = 20.0
"""Of all VoiceAgents together: with many of them the figures get older instead of more costly."""

Later = Callable[[Key, float], None]
"""Asks for a look at a key after some seconds."""


@dataclass(slots=True)
class Scaling:
    """What a process needs to scale and to tell load."""

    heartbeats: Heartbeats
    registration: Registration
    listener: Callable[[Moved], None] = lambda _: None
    """Told what moved; the leader's."""

    def known_to(self, provider: MetricsProvider, discovery: Discovery) -> Autoscaling:
        """Return the view of a reconcile."""
        return Autoscaling(provider, self.heartbeats, self.registration, discovery)

    def tell(self, moved: Moved) -> None:
        """Pass on what moved."""
        self.listener(moved)


@asynccontextmanager
async def scaling(settings: Settings, api: KubeApi) -> AsyncIterator[Scaling]:
    """Read heartbeats, and serve the metrics API, while the block runs."""
    metrics = settings.worker.metrics
    redis = Redis.from_url(
        settings.worker.redis_url, socket_timeout=2.0, socket_connect_timeout=2.0
    )
    heartbeats = Heartbeats(redis, asyncio.get_running_loop().time)
    builtin = metrics.provider is MetricsProvider.BUILTIN
    server = MetricsServer(
        api, heartbeats, settings.operator_namespace, metrics.service, metrics.port
    )
    registration = Registration(api, server if builtin else None, metrics.owner)
    made = Scaling(heartbeats, registration)
    tasks = {asyncio.create_task(follow(heartbeats, made.tell))}
    if builtin:
        tasks.add(asyncio.create_task(server.run()))
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await redis.aclose()


async def prepare(made: Scaling) -> None:
    """Know before the first reconcile what a restart must not change in any status."""
    await made.heartbeats.read()
    await made.registration.first_look()


def announce(moved: Moved, store: Store, later: Later) -> None:
    """Ask for a look at every VoiceAgent whose figures moved, not too often."""
    keys = {key for agent in moved.agents if (key := _key(agent, "/", store))}
    keys |= {key for pool in moved.pools if (key := _key(pool, ".", store))}
    if any(_key(pool, ".", store) is None for pool in moved.pools):
        keys |= {
            agent_key(obj)
            for obj in store.all(VOICE_AGENT)
            if (obj.get("spec") or {}).get("workerPool")
        }
    seconds = max(STATUS_SECONDS, len(keys) / STATUS_WRITES_PER_SECOND)
    for number, key in enumerate(sorted(keys)):
        later(key, max(STATUS_SECONDS, seconds * (number + 1) / len(keys)))


def everybody(store: Store) -> list[Key]:
    """Return all that may have an autoscaler."""
    agents = [agent_key(obj) for obj in store.all(VOICE_AGENT)]
    return agents + [tenant_key(name_of(obj)) for obj in store.all(TENANT)]


def _key(joined: str, separator: str, store: Store) -> Key | None:
    """Return the VoiceAgent of `namespace<separator>name`; a namespace has neither character."""
    namespace, _, name = joined.partition(separator)
    there = store.get(VOICE_AGENT, namespace, name) is not None
    return Key(KeyKind.VOICE_AGENT, namespace, name) if there else None


async def lead(made: Scaling, feed: Feed, store: Store, later: Later) -> None:
    """Do the leader's part until cancelled: keep the registration, wake whom news concerns."""

    def moved(what: Moved) -> None:
        if feed.is_open:
            announce(what, store, later)

    def changed() -> None:
        for key in everybody(store) if feed.is_open else ():
            later(key, 0.0)

    made.listener = moved
    await made.registration.keep(changed)
