"""Ages as kubectl writes them: 42s, 7m, 3h12m, 5d."""

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_FINE = 10
"""Below ten of a unit, the next smaller one is said too."""


def age(since: str | None, now: datetime) -> str:
    """Return how long ago a Kubernetes timestamp is; "-" if there is none."""
    if not since:
        return "-"
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 3 * _HOUR:
        return _two(seconds, _MINUTE, "m", 1, "s")
    if seconds < 2 * _DAY:
        return _two(seconds, _HOUR, "h", _MINUTE, "m")
    return _two(seconds, _DAY, "d", _HOUR, "h")


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(seconds, large)
    fine = rest // small if whole < _FINE else 0
    return f"{whole}{large_name}" + (f"{fine}{small_name}" if fine else "")
