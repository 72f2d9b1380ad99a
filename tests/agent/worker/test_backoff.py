"""Reconnecting: soon at first, gently later, never all at once."""

import random

from switchboard_agent.worker.backoff import Backoff


def delays(count: int) -> list[float]:
    backoff = Backoff(first_seconds=1.0, last_seconds=8.0, rng=random.Random(1))  # noqa: S311 the same jitter each run
    return [backoff.next_seconds() for _ in range(count)]


def test_steps_double_up_to_the_last() -> None:
    for delay, step in zip(delays(6), [1, 2, 4, 8, 8, 8], strict=True):
        assert step / 2 <= delay <= step


def test_reset_begins_again() -> None:
    backoff = Backoff(first_seconds=1.0, last_seconds=8.0)
    for _ in range(5):
        backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() <= 1.0
