"""The last seconds of the caller's audio, addressed by sample number.

Speech is noticed after it has begun, so its first phonemes lie in the past when the recogniser is
opened. The ring keeps them: what lies before the edge, a little more (pre-roll), and what came in
while the recogniser was busy with the utterance before. It holds on to the frames as they came:
one comes fifty times a second in every call, an utterance begins every few seconds.
"""

from collections import deque

import numpy as np

from switchboard_agent.transport.base import Pcm


class Ring:
    """A bounded history of samples. Sample 0 is the first of the call."""

    __slots__ = ("_capacity", "_frames", "end", "start")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._frames: deque[Pcm] = deque()
        self.end = 0
        """Number of the sample that comes next."""
        self.start = 0
        """Number of the oldest sample kept; at least `capacity` samples back, if there were any."""

    def append(self, frame: Pcm) -> None:
        """Add samples, which must not change any more; the oldest give way."""
        self._frames.append(frame)
        self.end += len(frame)
        while self.end - self.start - len(self._frames[0]) >= self._capacity:
            self.start += len(self._frames.popleft())

    def since(self, sample: int) -> Pcm:
        """A copy of the samples from number `sample` on, as far as they are kept."""
        skip = max(sample, self.start) - self.start
        if not self._frames:
            return np.zeros(0, dtype=np.int16)
        return np.concatenate(self._frames)[skip:]
