"""The agent's voice in one call: what is queued, what has been played, to the sample.

Playback is driven from outside, a frame at a time, so "played" means handed to the wire and nothing
else. To pause is not to ask for frames: going on continues with the very next sample. A flush drops
the rest; what was played until then is what the caller has heard.
"""

from collections import deque

import numpy as np

from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm


class Playback:
    """One reply's audio on its way out."""

    __slots__ = ("_chunks", "_offset", "_queued", "complete", "may_pause", "played", "underruns")

    def __init__(self) -> None:
        self._chunks: deque[Pcm] = deque()
        self._offset = 0
        self._queued = 0
        self.played = 0
        """Samples handed out, without the silence that fills the last frame."""
        self.complete = False
        """Whether all of the reply's audio has been queued."""
        self.may_pause = False
        """Whether the audio so far ends where a speaker may pause: it is played to its end though
        more will come, and waiting for that is no underrun. Holds until more comes."""
        self.underruns = 0
        """Frames that were due and not there."""

    @property
    def total(self) -> int:
        """Samples known of so far: played and queued."""
        return self.played + self._queued

    @property
    def queued(self) -> int:
        """Samples that lie ready."""
        return self._queued

    @property
    def ready(self) -> bool:
        """Whether playing could start now without an underrun."""
        whole = self._queued >= FRAME_SAMPLES or self.complete
        return whole or (self.may_pause and self._queued > 0)

    @property
    def finished(self) -> bool:
        """Whether everything has been played."""
        return self.complete and self._queued == 0

    def push(self, chunk: Pcm) -> None:
        """Queue audio."""
        if len(chunk):
            self.may_pause = False
            self._chunks.append(chunk)
            self._queued += len(chunk)

    def take_back(self, count: int) -> None:
        """Drop the last `count` samples, none of which has been played."""
        self._queued -= count
        while count:
            last = self._chunks.pop()
            if len(last) > count:
                self._chunks.append(last[: len(last) - count])
            count -= min(count, len(last))

    def flush(self) -> None:
        """Drop everything that has not been played; nothing comes out any more."""
        self._chunks.clear()
        self._queued = 0
        self.complete = True

    def next_frame(self) -> Pcm | None:
        """The frame that is due now; None at an underrun and at the end."""
        if self.finished:
            return None
        if not self.ready:
            self.underruns += not self.may_pause
            return None
        return self._take(min(FRAME_SAMPLES, self._queued))

    def _take(self, count: int) -> Pcm:
        self._queued -= count
        self.played += count
        first = self._chunks[0]
        end = self._offset + count
        if count == FRAME_SAMPLES and end < len(first):
            frame = first[self._offset : end]
            self._offset = end
            return frame
        return self._gather(count)

    def _gather(self, count: int) -> Pcm:
        frame = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        done = 0
        while done < count:
            first = self._chunks[0]
            part = first[self._offset : self._offset + count - done]
            frame[done : done + len(part)] = part
            done += len(part)
            self._offset += len(part)
            if self._offset == len(first):
                self._chunks.popleft()
                self._offset = 0
        return frame
