"""One clock for the sound of all calls, both ways: never a task per call or frame.

Each 10 ms every leg may capture a frame into its room, each 20 ms it sends a packet to its phone.
Deadlines are absolute, so lateness does not add up. After a short stall the missed packets are made
up at once, because peers count them; after a long one they are skipped.
"""

import asyncio
import logging
from typing import Protocol

HALF_TICK_S = 0.01
MAX_CATCH_UP = 10
"""Half ticks made up in one go: what a jitter buffer of 100 ms still takes."""

_LOGGER = logging.getLogger(__name__)


class Leg(Protocol):
    """One call's sound."""

    def on_half_tick(self) -> None:
        """Capture 10 ms."""

    def on_tick(self, skipped: int) -> None:
        """Send 20 ms; `skipped` packets before it are left out, mostly none."""


class Pacer:
    """Calls each leg on each tick."""

    def __init__(self) -> None:
        self._legs: dict[Leg, None] = {}
        self._wake = asyncio.Event()
        self.late_ticks = 0
        """Ticks that ran more than 10 ms late."""
        self.skipped_ticks = 0

    def add(self, leg: Leg) -> None:
        """Start calling a leg."""
        self._legs[leg] = None
        self._wake.set()

    def remove(self, leg: Leg) -> None:
        """Stop calling a leg."""
        self._legs.pop(leg, None)

    async def run(self) -> None:
        """Tick for ever; sleeps while there is no leg."""
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        half = False
        skipped = 0
        while True:
            if not self._legs:
                self._wake.clear()
                await self._wake.wait()
                next_s = loop.time()
            late = int((loop.time() - next_s) / HALF_TICK_S)
            self.late_ticks += late > 1
            missed = max(0, late - MAX_CATCH_UP) // 2
            self.skipped_ticks += missed
            next_s += 2 * missed * HALF_TICK_S
            skipped += missed
            half = not half
            self._run_legs(skipped, whole=half)
            skipped = 0 if half else skipped
            next_s += HALF_TICK_S
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    def _run_legs(self, skipped: int, *, whole: bool) -> None:
        for leg in list(self._legs):
            try:
                leg.on_half_tick()
                if whole:
                    leg.on_tick(skipped)
            except Exception:
                self.remove(leg)
                _LOGGER.exception("leg failed and is stopped")
