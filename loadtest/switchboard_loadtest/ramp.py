"""More and more calls at once, until the machine has had enough: where, and what a call costs.

Saturation shows as gaps in the agent's speech and slow answers long before packets are lost, so
those end a ramp, not a processor figure. Calls of a step are placed fast enough to be live
together, and it is measured that they were: a step that was not what it says proves nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from switchboard_loadtest import report
from switchboard_loadtest.at_once import rate_for
from switchboard_loadtest.run import Run, Settings, run

STEP = 5
MAX_GAPS_PER_CALL_AND_SECOND = 0.5
MAX_ANSWER_P95_MS = 3000.0
MAX_TURN_P95_MS = 2500.0
QUIET_CORES = 0.2
"""What other programs may use before the figures are theirs as well."""
_CALLERS_PER_STEP = 1000
"""Distance of caller numbers between steps: no caller calls twice."""

Place = Callable[[Settings], Awaitable[Run]]


async def climb(
    settings: Settings, up_to: int, step: int = STEP, *, place: Place = run
) -> list[Run]:
    """Run with `settings.calls` at once, then `step` more each time; stops when saturated."""
    runs: list[Run] = []
    for number, calls in enumerate(range(settings.calls, up_to + 1, step)):
        done = await place(
            replace(
                settings,
                calls=calls,
                calls_per_second=rate_for(settings.script, calls, settings.calls_per_second),
                folder=settings.folder / f"{calls:03d}",
                first_caller=settings.first_caller + number * _CALLERS_PER_STEP,
            )
        )
        runs.append(done)
        if why_saturated(report.summary(done)):
            break
    return runs


def why_saturated(facts: dict[str, Any]) -> str:
    """What the callers would complain about first; empty if nothing."""
    return next(_complaints(facts), "")


def _complaints(facts: dict[str, Any]) -> Iterator[str]:
    calls = facts["calls"]
    placed = calls["placed"]
    gaps = facts["gaps"]["over_60_ms_per_call_and_second"]
    answer, turn = facts["answer_ms"]["p95"], facts["turn_latency_ms"]["p95"]
    if calls["answered"] < placed:
        yield f"{placed - calls['answered']} calls were not answered"
    if gaps > MAX_GAPS_PER_CALL_AND_SECOND:
        yield f"{gaps} gaps over 60 ms per call and second"
    if answer is not None and answer > MAX_ANSWER_P95_MS:
        yield f"answers took {answer:.0f} ms"
    if turn is not None and turn > MAX_TURN_P95_MS:
        yield f"turns took {turn:.0f} ms"
    if calls["completed"] < placed:
        first = next(iter(facts["failures"]), "")
        yield f"{placed - calls['completed']} calls did not do what their callers asked: {first}"
    if facts["calls_at_once"] < placed:
        yield f"only {facts['calls_at_once']} of {placed} calls were live at once"


def facts_of(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The whole ramp for machines: its end first, then each step."""
    why = why_saturated(steps[-1]) if steps else ""
    good = [step["calls"]["placed"] for step in steps if not why_saturated(step)]
    return {
        "held_calls": max(good, default=0),
        "saturated": {"calls": steps[-1]["calls"]["placed"], "why": why} if why else None,
        "limits": {
            "gaps_over_60_ms_per_call_and_second": MAX_GAPS_PER_CALL_AND_SECOND,
            "answer_p95_ms": MAX_ANSWER_P95_MS,
            "turn_latency_p95_ms": MAX_TURN_P95_MS,
        },
        "steps": list(steps),
    }


_COLUMNS = (
    "calls",
    "at once",
    "done",
    "answer",
    "turn",
    "stop",
    "gaps/call/s",
    "longest",
    "late > 80",
    "cores",
    "mcore/call",
)


def table(steps: Sequence[dict[str, Any]]) -> str:
    """One row per step, and where it ended."""
    rows = [_COLUMNS, *(_row(facts) for facts in steps)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    ]
    whole = facts_of(steps)
    last = steps[-1]["calls"]["placed"] if steps else 0
    end = (
        "saturated at {calls} calls: {why}".format(**whole["saturated"])
        if whole["saturated"]
        else f"not saturated at {last} calls"
    )
    return "\n".join(
        [
            *lines,
            end,
            *_shared(steps),
            "times are p95 at the caller, in ms; late > 80: the worker's frames over 80 ms late",
        ]
    )


def _shared(steps: Sequence[dict[str, Any]]) -> list[str]:
    """A warning where the machine did something else meanwhile."""
    others = max((step["busy_cores_of_others"] or 0.0 for step in steps), default=0.0)
    if others <= QUIET_CORES:
        return []
    return [f"others kept {others:.2f} cores busy: these are figures of a shared machine"]


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    late = facts["worker_frames_late"]
    return (
        str(facts["calls"]["placed"]),
        str(facts["calls_at_once"]),
        str(facts["calls"]["completed"]),
        _ms(facts["answer_ms"]["p95"]),
        _ms(facts["turn_latency_ms"]["p95"]),
        _ms(facts["barge_in_stop_ms"]["p95"]),
        f"{facts['gaps']['over_60_ms_per_call_and_second']:.3f}",
        _ms(facts["gaps"]["longest_ms"]),
        "-" if late is None else f"{late['over_80_ms']} of {late['ticks']}",
        f"{facts['busy_cores']:.2f}",
        " ".join(f"{name} {mcore:.0f}" for name, mcore in facts["cpu_mcore_per_call"].items()),
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
