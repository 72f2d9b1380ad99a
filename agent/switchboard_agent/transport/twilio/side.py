"""Puts the Twilio side of a worker together."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from redis.asyncio import Redis

from switchboard_agent.recovery.fence import Fence
from switchboard_agent.revisions.lines import Lines
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.twilio.book import CallBook
from switchboard_agent.transport.twilio.calls_api import TwilioCalls
from switchboard_agent.transport.twilio.desk import CallTaker, TwilioDesk
from switchboard_agent.transport.twilio.forward import way_out
from switchboard_agent.transport.twilio.messages import Fault
from switchboard_agent.transport.twilio.server import TwilioServer, serve

_log = logging.getLogger(__name__)


class Myself(Protocol):
    """What the worker is called, as in its settings."""

    @property
    def worker_name(self) -> str:
        """Unique in the pool."""

    @property
    def host(self) -> str:
        """Where other workers of the pool reach this one."""


@dataclass(frozen=True, slots=True)
class TwilioParts:
    """What the Twilio side is made of."""

    me: Myself
    redis: "Redis"
    taker: CallTaker
    lines: Lines
    telemetry: Telemetry
    fence: Fence | None = None


@asynccontextmanager
async def twilio_side(parts: TwilioParts, port: int | None) -> AsyncIterator[int]:
    """Take calls from Twilio while the block runs; gives the port, 0 where none is asked for."""
    if port is None:
        yield 0
        return

    def count(fault: Fault) -> None:
        parts.telemetry.stream_faults.labels(fault=fault).inc()

    async with way_out() as session:
        book = CallBook(parts.redis, parts.me.worker_name)
        desk = TwilioDesk(
            taker=parts.taker,
            lines=parts.lines.of_agent,
            book=book,
            calls=TwilioCalls(session),
            worker=parts.me.worker_name,
            fence=parts.fence,
        )
        parts.taker.lost_streams(desk)
        parts.lines.on_change = desk.on_line
        app = TwilioServer(desk, parts.lines.of_number, count, session).app()
        async with serve(app, port) as bound:
            book.address = (
                f"[{parts.me.host}]:{bound}" if ":" in parts.me.host else f"{parts.me.host}:{bound}"
            )
            _log.info("listening for Twilio", extra={"port": bound})
            yield bound
