import asyncio
import time

import pytest

from tests.support.virtual_time import StuckError, VirtualTimeLoop, run_virtual


def test_a_day_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtual(main()) == pytest.approx(86_400)
    assert time.perf_counter() - began < 5


def test_timers_run_in_order_of_their_times() -> None:
    async def main() -> list[int]:
        order: list[int] = []
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2):
            loop.call_later(delay, order.append, delay)
        await asyncio.sleep(4)
        return order

    assert run_virtual(main()) == [1, 2, 3]


def test_work_in_a_thread_takes_no_virtual_time() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        slow = loop.run_in_executor(None, sum, range(300_000))
        async with asyncio.timeout(0.001):
            await slow
        return loop.time()

    assert run_virtual(main()) == 0


def test_a_helper_process_takes_no_virtual_time_while_held() -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.hold():
            async with asyncio.timeout(0.001):
                process = await asyncio.create_subprocess_exec(
                    "echo", "hello", stdout=asyncio.subprocess.PIPE
                )
                output, _ = await process.communicate()
        assert loop.time() == 0
        return output

    assert run_virtual(main()) == b"hello\n"


def test_waiting_for_what_never_comes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switchboard_agent.virtual_time._STUCK_SECONDS", 0.05)

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run_virtual(main())
