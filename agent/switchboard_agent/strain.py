"""How near a worker is to having too many calls: 1 is where it takes no more.

Two things fall behind first. The event loop, one Python thread: late, it harms what callers hear.
And the recogniser's processes: late, callers are understood seconds after they spoke, while
everything they hear is still whole.
"""

from collections.abc import Callable
from typing import Final

from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.stt.base import LocalRecogniser

_MOST_LATE_SECONDS: Final = 1.5
"""Of final words, where 30 to 50 ms is usual: callers ask whether anybody is there."""


def strain(lag: LoopLag, max_lag_seconds: float, stt: LocalRecogniser) -> Callable[[], float]:
    """Of a worker, at the moment it is asked; `max_lag_seconds` is of the loop's lag, p95."""

    def now() -> float:
        return max(lag.p95_seconds / max_lag_seconds, stt.late_seconds / _MOST_LATE_SECONDS)

    return now
