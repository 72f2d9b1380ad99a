"""What the caller hears: the sound of everyone else in the room, one frame each tick.

Each track fills a short queue at the pace of its own clock and the pacer empties it at its own. A
queue starts to play with two frames and so rides out one late frame; one that has grown long stays
long (both clocks run alike), so it is shortened where it is quiet and nobody hears it.
"""

from collections import deque

import numpy as np

from switchboard_media.pcm import Pcm

START_FRAMES = 2
MAX_FRAMES = 10
_LONG_TICKS = 50
_QUIET_PEAK = 200
"""Samples below -44 dBFS: leaving out 20 ms of them is not noticed."""


class TrackQueue:
    """Frames of one track that were not yet played."""

    def __init__(self) -> None:
        self._frames: deque[Pcm] = deque()
        self._playing = False
        self._long_ticks = 0
        self.underruns = 0
        self.dropped = 0

    def push(self, frame: Pcm) -> None:
        """Take a frame; the oldest goes when the queue is full."""
        if len(self._frames) >= MAX_FRAMES:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)

    def pull(self) -> Pcm | None:
        """Give the frame for this tick, or None while there is none."""
        if not self._playing:
            self._playing = len(self._frames) >= START_FRAMES
            if not self._playing:
                return None
        if not self._frames:
            self._playing = False
            self.underruns += 1
            return None
        self._shorten()
        return self._frames.popleft()

    def flush(self) -> None:
        """Start again with nothing."""
        self._frames.clear()
        self._playing = False

    def _shorten(self) -> None:
        self._long_ticks = self._long_ticks + 1 if len(self._frames) > START_FRAMES + 1 else 0
        if self._long_ticks > _LONG_TICKS and int(np.abs(self._frames[0]).max()) < _QUIET_PEAK:
            self._frames.popleft()
            self.dropped += 1
            self._long_ticks = 0


class Mixer:
    """All tracks of a room but the caller's own."""

    def __init__(self) -> None:
        self._queues: dict[str, TrackQueue] = {}
        self._gone_underruns = 0
        self._gone_dropped = 0

    def add(self, track: str) -> TrackQueue:
        """Make the queue of a track."""
        return self._queues.setdefault(track, TrackQueue())

    def remove(self, track: str) -> None:
        """Forget a track and what it had left."""
        queue = self._queues.pop(track, None)
        if queue is not None:
            self._gone_underruns += queue.underruns
            self._gone_dropped += queue.dropped

    def pull(self) -> Pcm | None:
        """Give this tick's frame, or None where nobody has one."""
        frames = [frame for queue in self._queues.values() if (frame := queue.pull()) is not None]
        if len(frames) <= 1:
            return frames[0] if frames else None
        mixed = np.sum(frames, axis=0, dtype=np.int32)
        return np.clip(mixed, -32_768, 32_767).astype(np.int16)

    def flush(self) -> None:
        """Forget all sound so far: nobody was there to hear it."""
        for queue in self._queues.values():
            queue.flush()

    @property
    def underruns(self) -> int:
        """Ticks on which a playing track had no frame."""
        return self._gone_underruns + sum(queue.underruns for queue in self._queues.values())

    @property
    def dropped(self) -> int:
        """Frames left out."""
        return self._gone_dropped + sum(queue.dropped for queue in self._queues.values())
