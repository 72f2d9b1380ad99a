"""From what callers noticed to the figures of one engine at one number of calls. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.engine.caller import Notes
from tests.bench.engine.usage import Usage

Row = dict[str, Any]

OURS = "switchboard"
LAG_LIMIT_MS = 20.0


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of a run that counts."""

    begin: float
    end: float
    idle: Usage
    """Before the first call."""
    first: Usage
    last: Usage

    def holds(self, at: float) -> bool:
        """Whether something happened within it."""
        return self.begin <= at < self.end


def row(engine: str, calls: int, notes: Notes, window: Window) -> Row:
    """What one run showed."""
    seconds = window.end - window.begin
    cpu = (window.last.cpu_seconds - window.first.cpu_seconds) / seconds
    latencies = [ms for at, ms in notes.latencies if window.holds(at)]
    asked = sum(map(window.holds, notes.asked))
    lags = [ms for at, ms in notes.lags if window.holds(at)]
    grown = window.last.resident_mb - window.idle.resident_mb
    return {
        "engine": engine,
        "calls": calls,
        "cpu_pct_per_call": round(100 * cpu / calls, 4),
        "loop_lag_ms_p99": percentile(lags, 99),
        "rss_mb_per_call": round(grown / calls, 3),
        "turn_latency_ms": {f"p{p}": percentile(latencies, p) for p in (50, 95, 99)},
        "underruns": sum(map(window.holds, notes.holes)),
        "false_cutoffs": sum(map(window.holds, notes.cut_offs)),
        "speculation_wasted": wasted(asked, len(latencies)),
        "turns": len(latencies),
        "unanswered": sum(map(window.holds, notes.unanswered)),
        "idle_mb": round(window.idle.resident_mb, 1),
        "window_s": round(seconds, 1),
    }


def percentile(values: Sequence[float], rank: float) -> float | None:
    """A percentile, or None of nothing."""
    return round(float(np.percentile(values, rank)), 1) if values else None


def wasted(asked: int, answered: int) -> float | None:
    """Share of questions to the language model whose answer nobody heard.

    A turn at the edge of the window may have its question outside: less than none is none.
    """
    return round(max(0.0, 1 - answered / asked), 3) if asked else None


def pooled(rows: Sequence[Row]) -> Row:
    """Several runs of the same engine and number of calls as one: medians, counts added."""
    first = rows[0]
    latency = {p: _median(one["turn_latency_ms"][p] for one in rows) for p in ("p50", "p95", "p99")}
    medians = ("cpu_pct_per_call", "loop_lag_ms_p99", "rss_mb_per_call", "speculation_wasted")
    counts = ("underruns", "false_cutoffs", "turns", "unanswered")
    return (
        first
        | {name: _median(one[name] for one in rows) for name in medians}
        | {name: sum(one[name] for one in rows) for name in counts}
        | {"turn_latency_ms": latency, "runs": len(rows)}
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 4) if known else None


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The rows in order, each with the processor time per call as a multiple of ours.

    None where ours was not measured at as many calls.
    """
    ours = {one["calls"]: one["cpu_pct_per_call"] for one in rows if one["engine"] == OURS}
    return [
        one | {"cpu_ratio": _ratio(one["cpu_pct_per_call"], ours.get(one["calls"]))}
        for one in sorted(rows, key=lambda one: (one["calls"], one["engine"] != OURS))
    ]


def _ratio(theirs: float, ours: float | None) -> float | None:
    return round(theirs / ours, 2) if ours else None


def saturated(one: Mapping[str, Any]) -> bool:
    """Whether more calls would tell nothing: most of a core is used, or the loop is late."""
    return bool(one["cpu_pct_per_call"] * one["calls"] > 85 or (one["loop_lag_ms_p99"] or 0) > 250)


def table(rows: Iterable[Row]) -> str:
    """The rows for a person."""
    head = (
        f"{'engine':27}{'calls':>6}{'% core/call':>12}{'lag p99':>9}{'MB/call':>9}"
        f"{'turn p50':>10}{'p95':>7}{'p99':>7}{'holes':>7}{'cut off':>8}{'wasted':>8}{'turns':>7}"
    )
    return "\n".join([head, *map(_line, rows)])


def _line(one: Row) -> str:
    turn = one["turn_latency_ms"]
    return (
        f"{one['engine']:27}{one['calls']:>6}{one['cpu_pct_per_call']:>12.3f}"
        f"{_text(one['loop_lag_ms_p99']):>9}{one['rss_mb_per_call']:>9.2f}{_text(turn['p50']):>10}"
        f"{_text(turn['p95']):>7}{_text(turn['p99']):>7}{one['underruns']:>7}"
        f"{one['false_cutoffs']:>8}{_text(one['speculation_wasted']):>8}{one['turns']:>7}"
    )


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
