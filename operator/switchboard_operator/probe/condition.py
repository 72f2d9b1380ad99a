"""ProbeAnswered: what the last probe says, or why there is none. Pure."""

from dataclasses import dataclass

from switchboard_contract.crd.last_probe import LastProbe, ProbeResult
from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import ConditionType, Reason
from switchboard_operator.desired.names import selector
from switchboard_operator.status import Finding

_KIND = ConditionType.PROBE_ANSWERED


@dataclass(frozen=True, slots=True)
class Probed:
    """What is known of an agent that wants to be tried out."""

    revision: str
    """The one that new calls are served by."""
    pool: str
    last: LastProbe | None
    obstacle: str = ""
    """Why it cannot be tried out now; empty if it can."""


def probe_answered(seen: Probed) -> Finding:
    """Return the condition."""
    last = seen.last
    if seen.obstacle:
        return _pending(f"not tried out: {seen.obstacle}")
    if last is None or last.revision != seen.revision:
        return _pending(f"revision {seen.revision} is tried out within seconds")
    if last.result is ProbeResult.ANSWERED:
        return Finding(_KIND, ConditionStatus.TRUE, Reason.ANSWERED, _answered(last))
    if last.result is ProbeResult.FAILED:
        message = (
            f"worker {last.worker} was tried out and is not fit for a call: {last.fault}; see its "
            "log"
        )
        return Finding(_KIND, ConditionStatus.FALSE, Reason.PROBE_FAILED, message)
    return Finding(_KIND, ConditionStatus.FALSE, Reason.PROBE_NOT_ANSWERED, _silent(seen, last))


def _pending(message: str) -> Finding:
    return Finding(_KIND, ConditionStatus.UNKNOWN, Reason.PROBE_PENDING, message)


def _answered(last: LastProbe) -> str:
    return (
        f"worker {last.worker} joined a probe room after {last.join_ms} ms and had the greeting "
        f"ready {last.greeting_ms} ms after it got the job{_missing(last)}"
    )


def _missing(last: LastProbe) -> str:
    if not last.down:
        return ""
    return f"; but of its language models these did not answer, and others stood in: {last.down}"


def _silent(seen: Probed, last: LastProbe) -> str:
    pods = ",".join(f"{key}={value}" for key, value in selector(seen.pool).items())
    came = (
        "no worker joined a probe room in time"
        if last.join_ms is None
        else f"a worker joined a probe room after {last.join_ms} ms and did not say how it is"
    )
    return (
        f"{came}, twice in a row: a caller would hear ringing; see whether the worker pods are "
        f"registered at LiveKit and not at their limit with 'kubectl logs -l {pods}'"
    )
