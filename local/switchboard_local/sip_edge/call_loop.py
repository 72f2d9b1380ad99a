"""One call, driven: events into its machine, commands out, its deadline kept, its work in turn.

What a machine decides happens at once on the loop. What must be awaited (joining a room, telling it
something) is queued to the call's one task.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

MAX_QUEUED_WORK = 64
"""Keys of the phone waiting for the room; more are left out."""

_LOGGER = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
Event = TypeVar("Event")
Command = TypeVar("Command")
Event_contra = TypeVar("Event_contra", contravariant=True)
Command_co = TypeVar("Command_co", covariant=True)


class Machine(Protocol[Event_contra, Command_co]):
    """Decisions on one call, without input or output."""

    @property
    def deadline_s(self) -> float | None:
        """When a tick is due."""

    def handle(self, event: Event_contra, now_s: float) -> Sequence[Command_co]:
        """Take one fact, and say what is to be done, in order."""


class CallLoop(Generic[Event, Command]):
    """The task of one call."""

    def __init__(
        self,
        machine: Machine[Event, Command],
        do: Callable[[Command], None],
        *,
        tick: Event,
        failed: Callable[[str], Event],
    ) -> None:
        self._machine = machine
        self._do = do
        self._tick = tick
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._work: asyncio.Queue[Work | None] = asyncio.Queue(MAX_QUEUED_WORK)
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def feed(self, event: Event) -> None:
        """Take a fact and do what follows."""
        for command in self._machine.handle(event, self._loop.time()):
            self._do(command)
        self._arm()

    def queue(self, work: Work) -> None:
        """Have something awaited; left out where too much waits."""
        if not self._work.full():
            self._work.put_nowait(work)

    def finish(self) -> None:
        """Start nothing more; safe to call twice."""
        self._over = True
        if not self._work.full():
            self._work.put_nowait(None)
        self._arm()

    async def run(self, first: Work) -> None:
        """Do this, and then what is queued, until the call is over."""
        await self._guarded(first)
        while not self._over:
            work = await self._work.get()
            if work is not None and not self._over:
                await self._guarded(work)

    async def _guarded(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            _LOGGER.exception("call failed")
            self.feed(self._failed(f"{type(error).__name__} in the SIP edge"))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_s = self._machine.deadline_s
        if deadline_s is not None and not self._over:
            self._timer = self._loop.call_at(deadline_s, self.feed, self._tick)
