"""Watches that bring nothing, and lists that know more than watches."""

import asyncio
import itertools
from collections import Counter

from switchboard_operator.canary import DEAD_SECONDS, Canary
from switchboard_operator.directory import agent_key
from switchboard_operator.health import Health
from switchboard_operator.kube.kinds import DEPLOYMENT, TENANT, VOICE_AGENT, Kind
from switchboard_operator.store import Change, Ref
from switchboard_operator.watch.kopf_watches import Retries
from switchboard_operator.watch.missed import GRACE_SECONDS, Missed
from tests.operator.samples import World, agent, served_world
from tests.support.virtual_time import run_virtual


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_renewals_that_come_back_keep_the_watches_credible() -> None:
    clock = _Clock()
    canary = Canary(clock)
    canary.sent(1)  # before the watch stands: not expected
    canary.watching()
    for version in range(2, 200):
        canary.sent(version)
        clock.now += 2
        canary.seen(version)
    assert (canary.age(), canary.is_alive()) == (0.0, True)


def test_renewals_that_do_not_come_back_end_the_process() -> None:
    clock = _Clock()
    canary = Canary(clock)
    health = Health(clock, watches=canary.is_alive)
    canary.watching()
    for version in range(1, 100):
        canary.sent(version)
        clock.now += 2
    assert canary.age() > DEAD_SECONDS
    assert not health.is_alive()
    assert "watches bring nothing" in health.why_dead()
    canary.seen(99)
    assert health.is_alive(), "the watch came back by itself"


def test_a_standby_that_renews_nothing_is_alive() -> None:
    clock = _Clock()
    canary = Canary(clock)
    clock.now = 10 * DEAD_SECONDS
    assert canary.is_alive()


def _change(kind: Kind, name: str) -> Change:
    return Change(Ref(kind, "ns", name), None, {})


def test_only_what_the_watch_does_not_bring_soon_counts_as_missed() -> None:
    async def test() -> None:
        found: Counter[str] = Counter()
        missed = Missed(lambda kind, count: found.update({kind.kind: count}))
        missed.found([_change(VOICE_AGENT, "late"), _change(VOICE_AGENT, "lost")])
        missed.found([_change(DEPLOYMENT, "lost")])
        await asyncio.sleep(GRACE_SECONDS / 2)
        missed.brought(Ref(VOICE_AGENT, "ns", "late"))
        assert not found
        await asyncio.sleep(GRACE_SECONDS)
        assert found == {"VoiceAgent": 1, "Deployment": 1}

    run_virtual(test())


def test_a_watch_that_starts_over_puts_every_kind_of_kopfs_in_doubt() -> None:
    """The last VoiceAgent went unseen: the fresh list of them is empty and brings no event."""

    async def test() -> None:
        world = await served_world()
        sweeping = asyncio.ensure_future(world.feed.sweep_when_asked())
        await asyncio.sleep(60)
        world.kube.on_event = lambda _kind, _type, _obj: None
        world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
        world.feed.event(TENANT, None, world.kube.objects[TENANT, "", "smile-dental"])
        await asyncio.sleep(60)
        sweeping.cancel()
        assert agent_key(agent()) in world.woken
        await world.settle()
        assert (VOICE_AGENT, "smile-dental", "reception") not in world.kube.objects

    run_virtual(test())


def test_a_sweep_tells_what_no_event_told() -> None:
    async def test() -> None:
        found: Counter[str] = Counter()
        world = World()
        world.feed._missed = Missed(lambda kind, count: found.update({kind.kind: count}))
        await world.open()
        world.kube.put(VOICE_AGENT, agent("seen"))
        world.kube.on_event = lambda _kind, _type, _obj: None
        world.kube.put(VOICE_AGENT, agent("unseen"))
        await world.feed.sweep(VOICE_AGENT)
        await asyncio.sleep(2 * GRACE_SECONDS)
        assert found == {"VoiceAgent": 1}
        assert world.store.get(VOICE_AGENT, "smile-dental", "unseen")

    run_virtual(test())


def test_a_watch_that_is_refused_is_asked_for_again_for_ever_and_soon() -> None:
    retries = Retries()
    for _ in range(2):
        delays = list(itertools.islice(retries, 1000))
        assert len(delays) == 1000
        assert max(delays) <= 5.0
        assert sum(delays[:3]) <= 5.0
