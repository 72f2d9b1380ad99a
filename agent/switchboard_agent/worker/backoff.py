"""How long to wait before trying again."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Doubles from `first` to `last` seconds; jitter keeps a fleet from coming back in step."""

    first_seconds: float = 0.25
    last_seconds: float = 10.0
    rng: random.Random = field(default_factory=random.Random)
    _next: float = 0.0

    def next_seconds(self) -> float:
        """Delay before the next try: between half and all of the current step."""
        step = min(max(self._next, self.first_seconds), self.last_seconds)
        self._next = step * 2
        return step * (0.5 + self.rng.random() / 2)

    def reset(self) -> None:
        """It worked: begin with the shortest delay next time."""
        self._next = 0.0
