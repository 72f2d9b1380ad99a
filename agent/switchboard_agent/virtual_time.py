"""An event loop whose clock jumps to its next timer instead of waiting for it.

The engine reads time from its loop only, so on this one a five-minute call takes as long as its
computations: tests play whole conversations without a sleep, `switchboard try --fast` answers at
once. Work outside the loop (threads, processes) takes real time; while such work is held, the clock
stands still, as if it had taken none.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

from typing_extensions import TypeVarTuple, Unpack, override

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_STUCK_SECONDS = 30.0
"""Real time without a timer, an answer or anything ready to run: nothing will ever happen."""


class StuckError(RuntimeError):
    """Everything waits for something that has no time."""


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the system for what is ready, and lets time pass for the loop where nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.held = 0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.held or timeout is None:
            ready = super().select(_STUCK_SECONDS)
            if not ready:
                raise StuckError(
                    "nothing is due and nothing has answered: a task waits for what never comes"
                )
            return ready
        self.now += timeout
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, starting at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now

    def advance(self, seconds: float) -> None:
        """Let time pass while something runs, as a loop that is blocked does."""
        self._jumping.now += seconds

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let no time pass: something outside the loop is at work and will wake it."""
        self._jumping.held += 1
        try:
            yield
        finally:
            self._jumping.held -= 1

    @override
    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._jumping.held += 1
        future.add_done_callback(self._release)
        return future

    def _release(self, _: asyncio.Future[Any]) -> None:
        self._jumping.held -= 1


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
