"""The work queue on virtual time."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.workqueue import Backoff, WorkQueue
from tests.support.virtual_time import run_virtual

T = TypeVar("T")


def _run(test: Coroutine[object, object, T]) -> T:
    return run_virtual(test)


def _queue() -> WorkQueue[str]:
    return WorkQueue(backoff=Backoff(1.0, 8.0), jitter=lambda: 1.0)


async def _taken_at(queue: WorkQueue[str]) -> tuple[str, float]:
    key = await queue.get()
    return key, asyncio.get_running_loop().time()


def test_a_key_added_twice_is_worked_on_once() -> None:
    async def test() -> None:
        queue = _queue()
        for key in "aba":
            queue.add(key)
        assert [await queue.get(), await queue.get(), len(queue)] == ["a", "b", 0]

    _run(test())


def test_an_urgent_key_goes_ahead_of_all_that_waits() -> None:
    async def test() -> None:
        queue: WorkQueue[str] = WorkQueue(is_urgent=str.isupper)
        for key in "abA":
            queue.add(key)
        assert [await queue.get() for _ in range(3)] == ["A", "a", "b"]

    _run(test())


def test_a_key_added_while_worked_on_comes_again_afterwards_only() -> None:
    async def test() -> None:
        queue = _queue()
        queue.add("a")
        await queue.get()
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert [await queue.get(), len(queue)] == ["a", 0]
        queue.done("a")
        assert queue.idle

    _run(test())


def test_failures_double_the_delay_up_to_the_most_and_success_resets_it() -> None:
    async def test() -> None:
        queue = _queue()
        assert [queue.retry("a") for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
        queue.succeed("a")
        assert queue.retry("a") == 1.0

    _run(test())


def test_a_failed_key_comes_back_after_its_delay() -> None:
    async def test() -> None:
        queue = _queue()
        queue.retry("a")
        queue.retry("a")  # the earlier time stays
        assert await _taken_at(queue) == ("a", 1.0)

    _run(test())


def test_an_event_beats_the_backoff() -> None:
    async def test() -> None:
        queue = _queue()
        for _ in range(5):
            queue.retry("a")
        queue.add("a")
        assert await _taken_at(queue) == ("a", 0.0)

    _run(test())


def test_resync_comes_by_itself_within_a_fifth() -> None:
    async def test(jitter: float) -> float:
        queue: WorkQueue[str] = WorkQueue(jitter=lambda: jitter)
        queue.succeed("a", 600.0)
        _, when = await _taken_at(queue)
        return round(when, 6)

    assert [_run(test(jitter)) for jitter in (0.0, 0.5, 1.0)] == [480.0, 600.0, 720.0]


def test_a_forgotten_key_does_not_come_back() -> None:
    async def test() -> None:
        queue = _queue()
        queue.retry("a")
        queue.forget("a")
        queue.add_after("b", 100.0)
        assert await _taken_at(queue) == ("b", 100.0)

    _run(test())


def test_jitter_spreads_over_the_upper_half() -> None:
    backoff = Backoff(1.0, 60.0)
    assert [backoff.delay(3, jitter) for jitter in (0.0, 1.0)] == [2.0, 4.0]
    assert backoff.delay(10_000, 1.0) == 60.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "after", "retry", "succeed", "get", "done"]),
            st.sampled_from("abc"),
        ),
        max_size=60,
    )
)
def test_no_key_is_ever_worked_on_twice_at_a_time_and_none_is_lost(
    steps: list[tuple[str, str]],
) -> None:
    async def test() -> None:
        queue = _queue()
        working: set[str] = set()
        asked: set[str] = set()
        for step, key in steps:
            if step == "add":
                queue.add(key)
                asked.add(key)
            elif step == "after":
                queue.add_after(key, 5.0)
                asked.add(key)
            elif step == "retry" and key in working:
                queue.retry(key)
                asked.add(key)
            elif step == "succeed" and key in working:
                queue.succeed(key, 600.0)
            elif step == "get" and len(queue):
                taken = await queue.get()
                assert taken not in working
                working.add(taken)
                asked.discard(taken)
            elif step == "done" and key in working:
                working.discard(key)
                queue.done(key)
        for key in sorted(working):
            queue.done(key)
        while asked:
            taken = await queue.get()
            asked.discard(taken)
            queue.done(taken)

    _run(test())
