"""What a probe means for an agent: what is published, and when to try again. Pure."""

from dataclasses import dataclass, replace

from switchboard_contract.crd.last_probe import LastProbe, ProbeResult
from switchboard_operator.probe.attempt import Found, Target

RETRY_SECONDS = 15.0
"""Until an agent that did not answer is tried again; doubles up to its interval."""

DOUBT_SECONDS = 3.0
"""The same after the first silence, before it is believed."""

_MARKED_MS = 250
_LONGEST_FAULT = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an agent after a probe."""

    last: LastProbe | None
    """What the status tells."""
    troubles: int
    """Probes in a row that were not answered with a greeting."""
    retry_seconds: float
    """Until the next probe, before jitter."""
    silences: int = 0
    """Probes in a row to which nobody answered."""


def judge(
    before: Verdict | None, last: LastProbe | None, target: Target, found: Found, now: str
) -> Verdict:
    """Return what is known after a probe of `target`; `last` is what the status told before."""
    new = _as_status(target, found, now)
    if last is not None and not found.models_asked:
        new = new.model_copy(update={"down": last.down})
    if found.result is ProbeResult.ANSWERED:
        return Verdict(_newest(last, new), 0, target.interval_seconds)
    troubles = (before.troubles if before else 0) + 1
    silent = found.result is ProbeResult.NOT_ANSWERED
    silences = (before.silences if before else 0) + 1 if silent else 0
    if silences == 1:
        # One silence is not believed: a busy worker may refuse a probe.
        return Verdict(last, troubles, min(DOUBT_SECONDS, target.interval_seconds), silences)
    retry = min(RETRY_SECONDS * 2 ** min(troubles - 1, 10), target.interval_seconds)
    return Verdict(_newest(last, new), troubles, retry, silences)


def unasked(before: Verdict | None, last: LastProbe | None, target: Target) -> Verdict:
    """Return what is known after LiveKit could not be asked: nothing new, ask again later."""
    retry = min(RETRY_SECONDS, target.interval_seconds)
    return replace(before, last=last, retry_seconds=retry) if before else Verdict(last, 0, retry)


def _as_status(target: Target, found: Found, now: str) -> LastProbe:
    return LastProbe(
        time=now,
        result=found.result,
        revision=target.revision,
        worker=found.worker or None,
        join_ms=found.join_ms,
        greeting_ms=found.greeting_ms,
        fault=found.fault[:_LONGEST_FAULT] or None,
        down=found.down[:_LONGEST_FAULT] or None,
    )


def _newest(last: LastProbe | None, new: LastProbe) -> LastProbe:
    """Return the new one if it says anything new, so that equal probes cost no write."""
    if last is None or _said(last) != _said(new):
        return new
    times = ((last.join_ms, new.join_ms), (last.greeting_ms, new.greeting_ms))
    return new if any(_differ_markedly(old, young) for old, young in times) else last


def _said(probe: LastProbe) -> tuple[str | None, ...]:
    return probe.result, probe.revision, probe.fault, probe.down


def _differ_markedly(old: int | None, young: int | None) -> bool:
    """Tell whether a time doubled or halved, so that what the status tells is not the truth."""
    if old is None or young is None:
        return old is not young
    more, less = max(old, young), min(old, young)
    return more - less >= _MARKED_MS and more >= 2 * less
