"""What the demo prints and writes, made of two load test runs; pure.

Every figure is measured at the caller: nothing here is a constant or comes from the worker, but for
the texts and the booking, which only the worker knows. What was not measured is null, and `notes`
says why.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from switchboard_loadtest import report
from switchboard_loadtest.measure import percentile
from switchboard_loadtest.outcome import CallResult
from switchboard_loadtest.run import Run, failures
from switchboard_loadtest.tap import STREAM_START_NS
from switchboard_loadtest.transcript import Spoken, transcript


def facts(runs: Sequence[Run], *, audio: Path, sip: str, cold_start_s: float) -> dict[str, Any]:
    """Content of out/demo.json."""
    calls = [call for run in runs for call in run.calls]
    answers = [c.view.leg.answer_ms for c in calls if c.view.leg.answer_ms is not None]
    latencies, stops = report.turn_latencies(calls), report.barge_in_stops(calls)
    return {
        "calls": {
            "placed": sum(run.settings.calls for run in runs),
            "answered": sum(call.view.answered for call in calls),
            "completed": sum(call.completed for call in calls) if _events_read(runs) else None,
        },
        "answer_ms": _pair(answers),
        "turn_latency_ms": {**_pair(latencies), "samples": len(latencies)},
        "barge_in_stop_ms": _pair(stops),
        "word_error_rate": _word_error_rate(calls),
        "transcript": [
            {"who": line.who, "text": line.text, "at_ms": line.at_ms} for line in _lines(calls[0])
        ]
        if calls and _events_read(runs)
        else None,
        "audio": str(audio),
        "sip": sip,
        "cold_start_s": round(cold_start_s, 1),
        "send_times": "captured" if all(run.captured for run in runs) else "assumed",
        "notes": notes(runs),
    }


def notes(runs: Sequence[Run]) -> list[str]:
    """What the figures leave out, and what they rest on."""
    found = []
    if not _events_read(runs):
        found.append(
            "no call events were read: bookings, words and the transcript were not checked; give "
            "--redis (make demo REDIS=redis://host:6379)"
        )
    if not all(run.captured for run in runs):
        found.append(
            "packets could not be captured without root: when the callers' sound left is assumed "
            f"({STREAM_START_NS // 1_000_000} ms after the ACK, then 20 ms apart), and turn "
            "latency and barge-in stop rest on that"
        )
    return found


def _events_read(runs: Sequence[Run]) -> bool:
    return all(run.settings.redis_url is not None for run in runs)


def _word_error_rate(calls: Sequence[CallResult]) -> float | None:
    words = report.word_errors(calls)
    return round(words.rate, 4) if words.words else None


def problems(runs: Sequence[Run]) -> list[str]:
    """Why the demo failed; empty if it did not."""
    found = [line for run in runs for line in failures(run.calls)]
    for run in runs:
        missing = run.settings.calls - len(run.calls)
        if missing:
            found.append(f"{missing} calls of {run.settings.script.name} were never placed")
    return found


def text(runs: Sequence[Run], written: dict[str, Any]) -> str:
    """The demo's last words."""
    first = runs[0].calls[0] if runs and runs[0].calls else None
    parts = [_conversation(first)] if first is not None else []
    parts.append("\n".join(_word_lines(runs)))
    parts += [report.table(report.summary(run)) for run in runs]
    parts.append(_headline(written))
    return "\n\n".join(parts)


def _pair(values: Sequence[float]) -> dict[str, float | None]:
    both = percentile(values, 50), percentile(values, 95)
    return {
        name: None if value is None else round(value, 1)
        for name, value in zip(("p50", "p95"), both, strict=True)
    }


def _lines(call: CallResult) -> list[Spoken]:
    return transcript(call.view, call.agent) if call.agent is not None else []


def _conversation(call: CallResult) -> str:
    if call.agent is None:
        return "The conversation of the first call is not known."
    lines = [f"  {line.at_ms / 1000:6.2f} s  {line.who:<6}  {line.text}" for line in _lines(call)]
    ended = call.agent.ended
    booking = ", ".join(f"{k} {v}" for k, v in ended.slots.items()) if ended else "nothing"
    return "\n".join(["The conversation of the first call:", *lines, f"  booked: {booking}"])


def _word_lines(runs: Sequence[Run]) -> list[str]:
    """What the callers asked, once per script, and below it what was recognised of each call."""
    lines = ["Words the agent was asked, and words it recognised:"]
    for run in runs:
        lines.append(
            f"  asked ({run.settings.script.name}): {' / '.join(run.settings.script.said)}"
        )
        for call in run.calls:
            errors = call.word_errors
            heard = " / ".join(call.agent.understood) if call.agent is not None else "not known"
            lines.append(
                f"    {call.view.leg.caller}, {errors.errors} of {errors.words} wrong: {heard}"
            )
    return lines


def _headline(written: dict[str, Any]) -> str:
    calls, turn, wrong = written["calls"], written["turn_latency_ms"], written["word_error_rate"]
    done = "answered" if calls["completed"] is None else "completed"
    return "\n".join(
        [
            f"{calls[done]} of {calls['placed']} calls {done} through {written['sip']}",
            f"INVITE to 200      {_ms(written['answer_ms'])}",
            f"turn latency       {_ms(turn)}, {turn['samples']} turns",
            f"barge-in stop      {_ms(written['barge_in_stop_ms'])}",
            f"word error rate    {'not measured' if wrong is None else f'{wrong:.3f}'}",
            f"ready after        {written['cold_start_s']} s",
            f"sound, both sides  {written['audio']}",
            *(f"note: {note}" for note in written["notes"]),
        ]
    )


def _ms(pair: dict[str, Any]) -> str:
    if pair["p50"] is None:
        return "not measured"
    return f"p50 {pair['p50']:.0f} ms, p95 {pair['p95']:.0f} ms"
