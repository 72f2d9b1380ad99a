"""One clock for the voices of all calls.

Every 20 ms each call that speaks gives one frame to its wire. Deadlines are absolute, so a late
wake-up is followed by a punctual one and nothing drifts: a loop that was blocked for three frames
sends three, and the caller's jitter buffer never knows. A voice that starts is sent its first frame
at once instead of at the next tick; that lead of less than a frame stays and is a small cushion.
The timer runs only while there is a voice, or the silence of a track that must not break off.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from switchboard_agent.transport.base import FRAME_MS

_FRAME_SECONDS = FRAME_MS / 1000
_MAX_CATCH_UP = 10
"""Frames sent at once after a stall; after a longer one (a suspended machine) time is let go."""

_LATE_MEMORY_SECONDS = 5.0
"""How long late ticks count."""
_LATE_SECONDS = 0.04
_LATE_TICKS = 3
"""So many ticks, each more than two frames late, and the pacer runs late."""

OnLate = Callable[[float], None]
"""Told at each tick how many seconds late it was."""

PlayNext = Callable[[], bool]
"""Plays one frame; False when the voice is done and wants no more ticks."""


class Pacer:
    """Calls every active voice once per frame."""

    __slots__ = ("_due", "_late_at", "_loop", "_on_late", "_timer", "_voices")

    def __init__(self, on_late: OnLate | None = None) -> None:
        self._on_late = on_late
        self._loop = asyncio.get_running_loop()
        self._voices: dict[PlayNext, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._late_at: deque[float] = deque(maxlen=_LATE_TICKS)

    @property
    def runs_late(self) -> bool:
        """Whether ticks come late again and again."""
        since = self._loop.time() - _LATE_MEMORY_SECONDS
        return len(self._late_at) == _LATE_TICKS and self._late_at[0] > since

    def start(self, play_next: PlayNext) -> None:
        """Play the first frame now, the others as they are due."""
        if play_next in self._voices or not play_next():
            return
        self._voices[play_next] = None
        if self._timer is None:
            self._arm(self._loop.time() + _FRAME_SECONDS)

    def stop(self, play_next: PlayNext) -> None:
        """Play no more of this voice. Safe to call twice."""
        self._voices.pop(play_next, None)

    def close(self) -> None:
        """Stop for good."""
        self._voices.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, due: float) -> None:
        self._due = due
        self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        late = self._loop.time() - self._due
        if self._on_late is not None:
            self._on_late(max(0.0, late))
        if late > _LATE_SECONDS:
            self._late_at.append(self._loop.time())
        frames = 1 + int(late / _FRAME_SECONDS)
        self._arm(self._due + frames * _FRAME_SECONDS)
        for _ in range(min(frames, _MAX_CATCH_UP)):
            for play_next in list(self._voices):
                if play_next in self._voices and not play_next():
                    self._voices.pop(play_next, None)
        if not self._voices:
            self.close()
