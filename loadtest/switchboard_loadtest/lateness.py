"""How late the workers sent the agents' frames, as they count it themselves.

A gap that a caller hears may come from the worker, from LiveKit or from the SIP side. The worker's
own histogram (`switchboard_frame_lateness_seconds`) tells its share: read before and after a run.
A tick that is `L` late comes at most 20 ms + `L` after the one before it, so ticks over 80 ms late
bound the gaps over 100 ms from above.
"""

import re
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchboard_contract import metrics

READ_SECONDS = 5.0

_LINE = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})?\s+(?P<value>\S+)")
_BOUND = re.compile(r'le="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Lateness:
    """Counts of all workers since their start, or between two readings."""

    ticks: int = 0
    """Ticks of 20 ms while an agent spoke."""
    within: Mapping[float, int] | None = None
    """Ticks that were at most so many seconds late."""
    underruns: int = 0
    """Frames of a running reply that were not ready when due."""

    def since(self, before: "Lateness") -> "Lateness":
        """What came between two readings."""
        earlier = before.within or {}
        return Lateness(
            self.ticks - before.ticks,
            {bound: n - earlier.get(bound, 0) for bound, n in (self.within or {}).items()},
            self.underruns - before.underruns,
        )

    def over(self, seconds: float) -> int:
        """Ticks that were later than that; `seconds` is a bound of the histogram."""
        return self.ticks - (self.within or {}).get(seconds, self.ticks)

    def summary(self) -> dict[str, Any]:
        """For a report."""
        return {
            "ticks": self.ticks,
            "over_20_ms": self.over(0.02),
            "over_60_ms": self.over(0.06),
            "over_80_ms": self.over(0.08),
            "over_100_ms": self.over(0.1),
            "underruns": self.underruns,
        }


def parse(text: str) -> Lateness:
    """Read one worker's metrics page."""
    ticks, underruns = 0, 0
    within: dict[float, int] = {}
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, value = found["name"], int(float(found["value"]))
        if name == f"{metrics.FRAME_LATENESS.name}_count":
            ticks += value
        elif name == f"{metrics.FRAME_LATENESS.name}_bucket":
            bound = _BOUND.search(found["labels"] or "")
            if bound is not None:
                seconds = float(bound[1])
                within[seconds] = within.get(seconds, 0) + value
        elif name == metrics.UNDERRUNS.name:
            underruns += value
    return Lateness(ticks, within, underruns)


def together(readings: Iterable[Lateness]) -> Lateness:
    """Add the workers up."""
    total = Lateness(0, {}, 0)
    for one in readings:
        bounds = {**(total.within or {}), **(one.within or {})}
        total = Lateness(
            total.ticks + one.ticks,
            {b: (total.within or {}).get(b, 0) + (one.within or {}).get(b, 0) for b in bounds},
            total.underruns + one.underruns,
        )
    return total


def read(pages: Sequence[str]) -> Lateness | None:
    """Read the metrics pages of all workers; None where one cannot be read, or there is none."""
    try:
        return together([parse(_get(page)) for page in pages]) if pages else None
    except OSError:
        return None


def _get(page: str) -> str:
    with urllib.request.urlopen(page, timeout=READ_SECONDS) as answer:  # noqa: S310 - http, of the system under test
        body: bytes = answer.read()
        return body.decode("utf-8", "replace")
