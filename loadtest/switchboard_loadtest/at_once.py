"""How many calls were live at the same moment; pure.

A number of calls says little about load when some are over before others begin: so a run that is
about calls at once places them fast enough, and measures that they were.
"""

from collections.abc import Iterable

from switchboard_loadtest.caller_script import CallerScript
from switchboard_loadtest.signalling import CallLeg

_PART_TO_JOIN = 0.5
"""All calls are placed within this part of the script, so that they share the rest of it."""


def most_at_once(legs: Iterable[CallLeg]) -> int:
    """The highest number of answered calls that were live together."""
    steps: list[tuple[int, int]] = []
    for leg in legs:
        if leg.answered_ns is not None and leg.ended_ns is not None:
            steps += [(leg.answered_ns, 1), (leg.ended_ns, -1)]
    live = most = 0
    for _, change in sorted(steps):
        live += change
        most = max(most, live)
    return most


def rate_for(script: CallerScript, calls: int, calls_per_second: float) -> float:
    """The given rate, or the lowest at which all calls are live before the first has said all."""
    last_ms = max((says.at_ms for says in script.says), default=script.hang_up_ms)
    return max(calls_per_second, calls / (last_ms / 1000 * _PART_TO_JOIN))
