import asyncio
import threading

import pytest

from switchboard_agent.vad.thread import ModelThread


async def test_work_is_done_elsewhere_and_its_result_comes_back() -> None:
    with ModelThread("model") as thread:
        name = await thread.run(lambda: threading.current_thread().name)
    assert name == "model"


async def test_an_error_is_raised_where_the_result_is_awaited_and_the_thread_goes_on() -> None:
    with ModelThread("model") as thread:
        with pytest.raises(ZeroDivisionError):
            await thread.run(lambda: 1 // 0)
        assert await thread.run(lambda: 2) == 2


async def test_whoever_gives_up_disturbs_nobody() -> None:
    go = threading.Event()
    with ModelThread("model") as thread:
        waiting = asyncio.ensure_future(thread.run(go.wait))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        go.set()
        assert await thread.run(lambda: 3) == 3


async def test_leaving_ends_the_thread() -> None:
    with ModelThread("ends") as thread:
        await thread.run(lambda: None)
    assert "ends" not in {one.name for one in threading.enumerate()}
