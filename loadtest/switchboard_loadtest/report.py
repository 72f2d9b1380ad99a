"""A run as a table for people and as JSON for machines; both from one summary."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from switchboard_loadtest.at_once import most_at_once
from switchboard_loadtest.hesitation import hesitations
from switchboard_loadtest.measure import TurnResult, percentile
from switchboard_loadtest.outcome import CallResult
from switchboard_loadtest.run import Run, failures
from switchboard_loadtest.wer import WordErrors

_SHORT_GAP_MS, _AUDIBLE_GAP_MS = 60.0, 100.0


def spread(values: Sequence[float]) -> dict[str, float | int | None]:
    """Median and 95th percentile of what was measured, and how often it was."""
    p50, p95 = percentile(values, 50), percentile(values, 95)
    return {
        "p50": None if p50 is None else round(p50, 1),
        "p95": None if p95 is None else round(p95, 1),
        "samples": len(values),
    }


def turn_latencies(calls: Sequence[CallResult]) -> list[float]:
    """Latencies of all utterances that got a reply."""
    return [t.latency_ms for c in calls for t in c.view.turns if t.latency_ms is not None]


def barge_in_stops(calls: Sequence[CallResult]) -> list[float]:
    """Stops of all interruptions of a speaking agent."""
    return [b.stop_ms for c in calls for b in c.view.barge_ins if b.stop_ms is not None]


def word_errors(calls: Sequence[CallResult]) -> WordErrors:
    """Word errors of all calls together."""
    return sum((call.word_errors for call in calls), start=WordErrors(0, 0))


def summary(run: Run) -> dict[str, Any]:
    """Everything about a run, without texts of the conversation."""
    calls = run.calls
    views = [call.view for call in calls]
    turns = Counter(turn.result for view in views for turn in view.turns)
    gaps = [gap for view in views for gap in view.gaps_ms]
    added = hesitations(views)
    words = word_errors(calls)
    return {
        "scenario": run.settings.script.name,
        "codec": run.settings.codec.name,
        "calls_per_second": run.settings.calls_per_second,
        "send_times": "captured" if run.captured else "derived from the message trace",
        "calls_at_once": most_at_once(view.leg for view in views),
        "calls": {
            "placed": run.settings.calls,
            "answered": sum(view.answered for view in views),
            "completed": sum(call.completed for call in calls),
        },
        "answer_ms": spread([v.leg.answer_ms for v in views if v.leg.answer_ms is not None]),
        "greeting_ms": spread([v.greeting_ms for v in views if v.greeting_ms is not None]),
        "turn_latency_ms": {
            **spread(turn_latencies(calls)),
            "talked_over": turns[TurnResult.TALKED_OVER],
            "no_reply": turns[TurnResult.NO_REPLY],
        },
        "barge_in_stop_ms": spread(barge_in_stops(calls)),
        "gaps": {
            "over_60_ms": len(gaps),
            "over_100_ms": sum(gap > _AUDIBLE_GAP_MS for gap in gaps),
            "longest_ms": round(max(gaps, default=0.0), 1),
            "over_60_ms_per_call_and_second": _ratio(len(gaps), run.call_seconds),
        },
        "silence_added": {
            "over_60_ms": sum(silence > _SHORT_GAP_MS for silence in added),
            "over_100_ms": sum(silence > _AUDIBLE_GAP_MS for silence in added),
            "longest_ms": round(max(added, default=0.0), 1),
        },
        "worker_frames_late": run.lateness.summary() if run.lateness is not None else None,
        "rtp": {
            "received": sum(len(view.hearing.frames) for view in views),
            "lost": sum(view.hearing.stats.lost for view in views),
            "jitter_ms": spread([v.hearing.stats.jitter_ms for v in views if v.hearing.frames]),
        },
        "word_error_rate": round(words.rate, 4) if words.words else None,
        "words": words.words,
        "outcomes": dict(Counter(_outcome(call) for call in calls)),
        "final_status": dict(Counter(str(view.leg.final_status) for view in views)),
        "call_seconds": round(run.call_seconds, 1),
        "cpu_of": "this system" if run.settings.system_pid else "the whole machine, by name",
        "busy_cores": round(run.cpu.busy_s / run.wall_s, 2),
        "busy_cores_of_others": _others(run),
        "cpu_mcore_per_call": {
            name: round(value, 1)
            for name, value in run.cpu.mcore_per_call(run.call_seconds).items()
        },
        "cpu_processes": {name: count for name, count in run.cpu.processes.items() if count},
        "failures": failures(calls),
    }


def table(facts: dict[str, Any]) -> str:
    """The summary for people."""
    calls, turn, gaps = facts["calls"], facts["turn_latency_ms"], facts["gaps"]
    rows = [
        ("scenario", f"{facts['scenario']}, {facts['codec']}, {facts['calls_per_second']}/s"),
        (
            "calls",
            "{placed} placed, {answered} answered, {completed} completed".format(**calls)
            + f", {facts['calls_at_once']} at once",
        ),
        ("INVITE to 200", _spread_text(facts["answer_ms"])),
        ("200 to greeting", _spread_text(facts["greeting_ms"])),
        (
            "turn latency",
            f"{_spread_text(turn)}, {turn['talked_over']} talked over, {turn['no_reply']} no reply",
        ),
        ("barge-in stop", _spread_text(facts["barge_in_stop_ms"])),
        (
            "gaps in speech",
            "{over_60_ms} > 60 ms, {over_100_ms} > 100 ms, longest {longest_ms} ms".format(**gaps),
        ),
        (
            "silence added",
            "{over_60_ms} > 60 ms, {over_100_ms} > 100 ms, longest {longest_ms} ms".format(
                **facts["silence_added"]
            ),
        ),
        ("late in worker", _late_text(facts["worker_frames_late"])),
        ("RTP", "{received} received, {lost} lost".format(**facts["rtp"])),
        ("word error rate", "-" if not facts["words"] else f"{facts['word_error_rate']:.3f}"),
        ("outcomes", ", ".join(f"{name} {n}" for name, n in facts["outcomes"].items())),
        ("machine", f"{facts['busy_cores']} cores busy, whatever by"),
        (
            "CPU per call",
            ", ".join(
                f"{name} {mcore} mcore" for name, mcore in facts["cpu_mcore_per_call"].items()
            ),
        ),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    return "\n".join([*lines, *(f"FAILED  {line}" for line in facts["failures"])])


def _spread_text(values: dict[str, Any]) -> str:
    if not values["samples"]:
        return "-"
    return f"p50 {values['p50']:.0f} ms, p95 {values['p95']:.0f} ms ({values['samples']})"


def _others(run: Run) -> float | None:
    """Cores that neither the system nor its callers kept busy; None where that is not known."""
    if run.settings.system_pid is None:
        return None
    return round(max(0.0, run.cpu.busy_s - sum(run.cpu.by_name.values())) / run.wall_s, 2)


def _late_text(late: dict[str, int] | None) -> str:
    if late is None:
        return "no worker could be asked"
    return (
        "{over_20_ms} of {ticks} frames > 20 ms, {over_80_ms} > 80 ms, {underruns} not ready"
    ).format(**late)


def _ratio(count: int, of: float) -> float:
    return round(count / of, 4) if of else 0.0


def _outcome(call: CallResult) -> str:
    if call.agent is not None and call.agent.ended is not None:
        return call.agent.ended.outcome.value
    return "answered" if call.view.answered else "not answered"
