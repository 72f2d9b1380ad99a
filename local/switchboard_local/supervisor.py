"""Runs many parts as one: each starts when those it needs are ready, and all end together.

A part that ends by itself, or does not become ready, ends the whole: half a system gives answers
that nobody can trust. What the supervisor raises names the part and its log.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from switchboard_local.errors import LocalError, PartFailedError
from switchboard_local.part import Part
from switchboard_local.process import STOP_SECONDS, start

OnReady = Callable[[str, float], None]
"""Told the name of each part that became ready, and seconds since the supervisor began."""


async def supervise(
    parts: Sequence[Part],
    logs: Path,
    *,
    on_ready: OnReady,
    all_ready: asyncio.Event,
    grace_seconds: float = STOP_SECONDS,
) -> None:
    """Run the parts until one fails (raises `PartFailedError`) or the caller cancels.

    At the end each part gets `grace_seconds` to leave by itself; 0 kills it.
    """
    ready = {part.name: asyncio.Event() for part in parts}
    _check_order(parts)
    began = time.monotonic()

    async def run(part: Part) -> None:
        for needed in part.after:
            await ready[needed].wait()
        server = await start(part, logs)
        try:
            await server.wait_ready()
            ready[part.name].set()
            on_ready(part.name, time.monotonic() - began)
            if all(event.is_set() for event in ready.values()):
                all_ready.set()
            raise await server.ended()
        finally:
            await server.stop(grace_seconds=grace_seconds)

    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(run(part), name=part.name)
    except* LocalError as failures:
        # The first one is the cause; what ended because of it is noise.
        raise failures.exceptions[0] from None


def _check_order(parts: Sequence[Part]) -> None:
    names = {part.name for part in parts}
    for part in parts:
        if missing := set(part.after) - names:
            raise PartFailedError(f"{part.name} waits for {', '.join(missing)}, which is not run")
