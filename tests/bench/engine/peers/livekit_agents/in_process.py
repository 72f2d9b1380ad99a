"""livekit-agents with all sessions in one process: `python -m ...in_process`.

Its cheapest form: turns end by voice activity alone, without its turn detection model.
"""

import asyncio
import logging
from collections.abc import Sequence

from tests.bench.engine.caller import Caller
from tests.bench.engine.host import Run, asked_for, measure, tell
from tests.bench.engine.peers.livekit_agents.providers import start_session

_CALLS_PER_SECOND = 10.0
_BY_VOICE = {"turn_detection": "vad"}


async def serve(run: Run) -> None:
    """Measure."""
    sessions = []

    async def open_calls(callers: Sequence[Caller]) -> None:
        for caller in callers:
            sessions.append(await start_session(caller, _BY_VOICE))
            await asyncio.sleep(1 / _CALLS_PER_SECOND)

    tell(await measure("livekit-agents-in-process", run, open_calls))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(asked_for()))
