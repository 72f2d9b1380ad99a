"""A blocked loop is noticed while it is blocked, and the function at work is named."""

import asyncio
import logging
import sys
import threading
from collections.abc import Mapping
from types import FrameType

import pytest

from switchboard_agent import loop_watch
from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.loop_watch import LoopWatch, culprit
from tests.support.virtual_time import VirtualTimeLoop, run_virtual


class Histogram:
    def observe(self, amount: float) -> None:
        """Nothing to keep."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def stacks() -> Mapping[int, FrameType]:
    return sys._current_frames()


def test_a_loop_that_keeps_its_beat_has_no_culprit() -> None:
    clock = Clock()
    watch = LoopWatch(clock, stacks)
    clock.now = 0.09
    watch.look()
    assert watch.beat() is None


def test_a_missed_beat_names_the_function_once() -> None:
    clock = Clock()
    watch = LoopWatch(clock, stacks)
    clock.now = 0.2
    watch.look()
    assert watch.beat() == "switchboard_agent.loop_watch.LoopWatch.look"
    assert watch.beat() is None


def test_without_a_function_of_ours_the_innermost_is_named() -> None:
    assert culprit(sys._getframe()) == f"{__name__}.{culprit_test_name()}"
    assert culprit(None) is None


def culprit_test_name() -> str:
    return "test_without_a_function_of_ours_the_innermost_is_named"


def test_the_name_is_logged_when_the_loop_moves_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        watch = LoopWatch(loop.time, stacks)
        running = asyncio.ensure_future(LoopLag(Histogram(), watch).run())
        await asyncio.sleep(0.06)
        loop.advance(0.3)
        watch.look()
        await asyncio.sleep(0.06)
        running.cancel()

    with caplog.at_level(logging.WARNING, logger="switchboard_agent.loop_lag"):
        run_virtual(main())
    (record,) = caplog.records
    assert record.getMessage() == "the event loop was blocked"
    assert vars(record)["culprit"] == "switchboard_agent.loop_watch.LoopWatch.look"
    assert vars(record)["blocked_ms"] >= 250


def test_its_thread_ends_with_the_block() -> None:
    with LoopWatch():
        assert "loop watch" in {one.name for one in threading.enumerate()}
    assert "loop watch" not in {one.name for one in threading.enumerate()}
    assert loop_watch.LOOK_SECONDS < loop_watch.BLOCKED_SECONDS
