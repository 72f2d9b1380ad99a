import asyncio
import time
from collections.abc import Callable

import pytest

from switchboard_agent.audio.pacer import Pacer
from tests.support.virtual_time import VirtualTimeLoop, run_virtual


def played_at(times: list[float], frames: int) -> Callable[[], bool]:
    loop = asyncio.get_running_loop()

    def play_next() -> bool:
        times.append(round(loop.time(), 6))
        return len(times) < frames

    return play_next


def test_the_first_frame_goes_at_once_and_the_others_every_20_ms() -> None:
    async def main() -> list[float]:
        pacer, times = Pacer(), list[float]()
        await asyncio.sleep(0.007)
        pacer.start(played_at(times, 4))
        await asyncio.sleep(1)
        return times

    assert run_virtual(main()) == [0.007, 0.027, 0.047, 0.067]


def test_a_voice_that_joins_shares_the_tick_and_leads_by_less_than_a_frame() -> None:
    async def main() -> tuple[list[float], list[float]]:
        pacer, first, second = Pacer(), list[float](), list[float]()
        pacer.start(played_at(first, 5))
        await asyncio.sleep(0.035)
        pacer.start(played_at(second, 3))
        await asyncio.sleep(1)
        return first, second

    first, second = run_virtual(main())
    assert first == [0.0, 0.02, 0.04, 0.06, 0.08]
    assert second == [0.035, 0.04, 0.06]


def test_ten_minutes_of_speech_do_not_drift() -> None:
    async def main() -> list[float]:
        pacer, times = Pacer(), list[float]()
        pacer.start(played_at(times, 30_000))
        await asyncio.sleep(601)
        return times

    times = run_virtual(main())
    assert len(times) == 30_000
    assert abs(times[-1] - 29_999 * 0.02) < 1e-3


def test_frames_missed_by_a_blocked_loop_are_sent_and_the_grid_is_kept() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        pacer, times = Pacer(), list[float]()
        pacer.start(played_at(times, 6))
        loop.call_later(0.03, loop.advance, 0.055)
        await asyncio.sleep(1)
        return times

    assert run_virtual(main()) == [0.0, 0.02, 0.085, 0.085, 0.085, 0.1]


def test_a_stopped_voice_gets_no_more_frames() -> None:
    async def main() -> list[float]:
        pacer, times = Pacer(), list[float]()
        play_next = played_at(times, 100)
        pacer.start(play_next)
        await asyncio.sleep(0.05)
        pacer.stop(play_next)
        pacer.stop(play_next)
        await asyncio.sleep(1)
        return times

    assert run_virtual(main()) == [0.0, 0.02, 0.04]


def test_nothing_ticks_while_nobody_speaks() -> None:
    async def main() -> None:
        pacer, times = Pacer(), list[float]()
        pacer.start(played_at(times, 2))
        await asyncio.sleep(1_000_000)

    began = time.perf_counter()
    run_virtual(main())
    assert time.perf_counter() - began < 1


def test_lateness_is_told_at_each_tick() -> None:
    async def main() -> tuple[list[float], int]:
        late, times = list[float](), list[float]()
        pacer = Pacer(late.append)
        pacer.start(played_at(times, 4))
        await asyncio.sleep(1)
        return late, len(times)

    late, played = run_virtual(main())
    assert played == 4
    assert late == [pytest.approx(0.0, abs=1e-6)] * 3
