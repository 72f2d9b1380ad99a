"""Who blocks the event loop: a thread looks where it stands while it does not move.

Lag says that something took long, after it is over and without a name. So the loop leaves a beat
many times a second; a thread beside it that misses the beat looks at the loop's stack, finds the
function that is at work and keeps its name until the loop moves again and can log it.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Self

BLOCKED_SECONDS = 0.1
"""Two missed beats; what callers hear begins at about as much."""

LOOK_SECONDS = 0.05
"""Twenty looks a second cost a thousandth of a core."""

OURS = "switchboard_agent"


class LoopWatch:
    """Watches the thread in which it is entered."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        stacks: Callable[[], Mapping[int, FrameType]] = sys._current_frames,  # noqa: SLF001 - documented, for this
    ) -> None:
        self._clock = clock
        self._stacks = stacks
        self._loop_thread = threading.get_ident()
        self._beat = clock()
        self._suspect: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop watch", daemon=True)

    def __enter__(self) -> Self:
        """Start to look."""
        self._beat = self._clock()
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def beat(self) -> str | None:
        """The loop moves; gives the name of what had blocked it since the last beat, if seen."""
        self._beat = self._clock()
        suspect, self._suspect = self._suspect, None
        return suspect

    def look(self) -> None:
        """Note what the loop is at, if it has missed its beat. The first sight counts."""
        if self._suspect is None and self._clock() - self._beat >= BLOCKED_SECONDS:
            self._suspect = culprit(self._stacks().get(self._loop_thread))

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()


def culprit(innermost: FrameType | None) -> str | None:
    """The function at work: the innermost one of ours, or else the innermost of all."""
    frame = innermost
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(OURS):
            return _name(frame)
        frame = frame.f_back
    return None if innermost is None else _name(innermost)


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}"
