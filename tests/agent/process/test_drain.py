"""The first signal drains; no further one does more."""

import asyncio
import os
import signal

import pytest

from switchboard_agent.drain import stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_second_signal_changes_nothing(
    number: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    loop = asyncio.get_running_loop()
    stop = stop_on_signals(loop)
    try:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), 2)
        os.kill(os.getpid(), number)
        while "calls go on" not in caplog.text:  # noqa: ASYNC110 a log line
            await asyncio.sleep(0.001)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
    assert stop.is_set()
