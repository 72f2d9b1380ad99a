"""Loop lag: what admission looks at."""

import asyncio
import time

from switchboard_agent.loop_lag import WINDOW_SAMPLES, LoopLag


class Samples:
    def __init__(self) -> None:
        self.seen: list[float] = []

    def observe(self, amount: float) -> None:
        self.seen.append(amount)


def test_one_hiccup_in_five_seconds_does_not_count() -> None:
    lag = LoopLag(Samples())
    for _ in range(WINDOW_SAMPLES - 1):
        lag.add(0.001)
    lag.add(3.0)
    assert lag.p95_seconds == 0.001


def test_steady_lag_counts_and_is_forgotten_after_the_window() -> None:
    lag = LoopLag(Samples())
    assert lag.p95_seconds == 0.0
    for _ in range(10):
        lag.add(0.5)
    assert lag.p95_seconds == 0.5
    for _ in range(WINDOW_SAMPLES):
        lag.add(0.0)
    assert lag.p95_seconds == 0.0


async def test_blocked_loop_is_seen() -> None:
    samples = Samples()
    lag = LoopLag(samples)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lag.run())
        await asyncio.sleep(0)
        time.sleep(0.12)  # noqa: ASYNC251 blocking the loop is the point
        while not samples.seen:  # noqa: ASYNC110 the sampler sets no event
            await asyncio.sleep(0.001)
        task.cancel()
    assert samples.seen[0] > 0.05
