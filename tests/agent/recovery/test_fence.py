"""A process that was asleep keeps quiet until it knows whether its calls are still its own."""

import asyncio

from switchboard_agent.recovery.fence import LONGEST_WAIT_SECONDS, BeatFence
from tests.support.virtual_time import run_virtual


class Hand:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_beats_in_time_keep_the_fence_open() -> None:
    clock = Hand()
    fence = BeatFence(limit_seconds=0.7, clock=clock)
    for _ in range(20):
        clock.now += 0.15
        fence.confirm(clock.now - 0.02)
        assert not fence.stalled


def test_an_answer_from_before_the_sleep_does_not_open_it() -> None:
    clock = Hand()
    fence = BeatFence(limit_seconds=0.7, clock=clock)
    sent_at = fence.now()
    clock.now += 30.0
    assert fence.stalled
    fence.confirm(sent_at)
    assert fence.stalled
    fence.confirm(fence.now())
    assert not fence.stalled


def test_whoever_waits_goes_on_with_the_next_beat() -> None:
    async def wait() -> float:
        loop = asyncio.get_running_loop()
        fence = BeatFence(limit_seconds=0.7, clock=loop.time)
        await asyncio.sleep(5)
        loop.call_later(0.3, lambda: fence.confirm(loop.time()))
        began = loop.time()
        await fence.passed()
        return loop.time() - began

    assert abs(run_virtual(wait()) - 0.3) < 0.01


def test_nobody_waits_for_ever() -> None:
    async def wait() -> float:
        loop = asyncio.get_running_loop()
        fence = BeatFence(limit_seconds=0.7, clock=loop.time)
        await asyncio.sleep(5)
        began = loop.time()
        await fence.passed()
        return loop.time() - began

    assert abs(run_virtual(wait()) - LONGEST_WAIT_SECONDS) < 0.01
