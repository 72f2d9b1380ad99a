"""One probe: a room, a dispatch, a worker's answer, and no room left behind.

The room is deleted whatever happens, also when the operator stops in the middle. If even that fails
(the process is killed), LiveKit closes it: nobody but an agent is in it, so it counts as empty.
"""

import asyncio
import logging
import math
import secrets
from dataclasses import dataclass

from switchboard_contract.crd.last_probe import ProbeResult
from switchboard_contract.probe import ProbeReport, ProbeState
from switchboard_operator.errors import OperatorError
from switchboard_operator.probe.rooms import ProbeRooms, Visitor

FIRST_LOOK_SECONDS = 0.4
"""A dispatch alone takes LiveKit 0.2 s."""
LOOK_SECONDS = 0.2
CLOSE_SECONDS = 1.5
"""For deleting the room: less than the operator has to stop."""
_SPARE_SECONDS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """An agent that may be tried out, and how."""

    namespace: str
    name: str
    tenant: str
    pool: str
    """LiveKit's agent_name of its workers."""
    revision: str
    dispatch: str
    """The metadata that calls are dispatched with, marked as a probe."""
    rollout: str
    """Names the worker pods' template once all pods have it; empty while they are being rolled."""
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What one probe found."""

    result: ProbeResult
    worker: str = ""
    join_ms: int | None = None
    greeting_ms: int | None = None
    fault: str = ""
    down: str = ""
    """Language models that others stood in for."""
    questions: int = 0
    models_asked: bool = True


async def attempt(rooms: ProbeRooms, target: Target, timeout_seconds: float) -> Found:
    """Try an agent out. Raises `OperatorError` when LiveKit cannot be asked."""
    room = f"sb-probe-{target.namespace}-{target.name}-{secrets.token_hex(5)}"
    empty_seconds = math.ceil(timeout_seconds) + _SPARE_SECONDS
    try:
        made_at_ms = await rooms.open(
            room, target.pool, target.dispatch, empty_seconds=empty_seconds
        )
        return await _answer(rooms, room, made_at_ms, timeout_seconds)
    finally:
        await _close(rooms, room)


async def _answer(rooms: ProbeRooms, room: str, made_at_ms: int, timeout_seconds: float) -> Found:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    await asyncio.sleep(min(FIRST_LOOK_SECONDS, timeout_seconds))
    while True:
        visitors = await rooms.visitors(room)
        for visitor in visitors:
            if visitor.report is not None:
                return _reported(visitor.report, visitor.joined_at_ms - made_at_ms)
        if loop.time() >= deadline:
            return _silent(visitors, made_at_ms)
        await asyncio.sleep(LOOK_SECONDS)


def _reported(report: ProbeReport, join_ms: int) -> Found:
    answered = report.state is ProbeState.ANSWERED
    return Found(
        ProbeResult.ANSWERED if answered else ProbeResult.FAILED,
        worker=report.worker,
        join_ms=max(0, join_ms),
        greeting_ms=report.greeting_ms,
        fault=report.fault,
        down=report.down,
        questions=report.questions,
        models_asked=report.models_asked,
    )


def _silent(visitors: list[Visitor], made_at_ms: int) -> Found:
    joined = [max(0, visitor.joined_at_ms - made_at_ms) for visitor in visitors]
    return Found(ProbeResult.NOT_ANSWERED, join_ms=min(joined, default=None))


async def _close(rooms: ProbeRooms, room: str) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await rooms.close(room)
    except (OperatorError, TimeoutError) as error:
        _log.warning("probe room is left to LiveKit: %s", error, extra={"room": room})
