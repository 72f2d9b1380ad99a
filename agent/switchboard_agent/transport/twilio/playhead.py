"""How far the far end has played what it was sent, told from marks. Sans I/O; time is passed in.

Twilio queues what it gets and plays it in real time. A mark comes back once playback has reached
it, so between two marks the position is the last one's plus the time since. After a silence there
is no mark to go by: sound then starts to be played when it arrives, which is about one mark's trip
later.
"""

from collections import OrderedDict

from switchboard_agent.transport.base import SAMPLE_RATE_HZ

MARK_SAMPLES = SAMPLE_RATE_HZ // 5
"""Sound between two marks: 200 ms. Closer ones would only cost messages."""

MOST_PENDING = 64
"""Marks on their way that are remembered: 13 s of sound."""


class Playhead:
    """One stream's position, in samples of the engine's rate."""

    __slots__ = ("_at", "_epoch", "_marked", "_pending", "_played", "_trip_seconds", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self._played = 0
        self._at = 0.0
        """When playback was at `_played`, or will be."""
        self._marked = 0
        self._epoch = 0
        self._pending: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._trip_seconds = 0.0

    def send(self, samples: int, now: float) -> str | None:
        """Count sound that goes out now; gives the name of a mark to send behind it, or None."""
        if not self.unplayed(now):
            self._played, self._at = self.sent, now + self._trip_seconds
        self.sent += samples
        return self.mark(now) if self.sent - self._marked >= MARK_SAMPLES else None

    def mark(self, now: float) -> str:
        """Name of a mark behind everything sent so far."""
        name = f"{self._epoch}-{self.sent}"
        self._marked = self.sent
        self._pending[name] = (self.sent, now)
        while len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
        return name

    def returned(self, name: str, now: float) -> None:
        """Take a mark that came back. One that was cleared, or never sent, says nothing."""
        found = self._pending.pop(name, None)
        if found is None:
            return
        position, sent_at = found
        self._played, self._at = position, now
        self._trip_seconds = now - sent_at

    def unplayed(self, now: float) -> int:
        """Samples sent and not played yet."""
        gone = max(0.0, now - self._at)
        played = self._played + round(gone * SAMPLE_RATE_HZ)
        return max(0, self.sent - played)

    @property
    def waiting(self) -> bool:
        """Whether a mark is on its way."""
        return bool(self._pending)

    def drop(self, now: float) -> int:
        """The far end drops what it has not played; gives how many samples that are."""
        dropped = self.unplayed(now)
        self._pending.clear()
        self._epoch += 1
        self._played, self._at, self._marked = self.sent, now, self.sent
        return dropped
