"""Draws the figures of the engine benchmark."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.engine.figures import Row

_MARKS = {
    "switchboard": "o-",
    "livekit-agents-in-process": "s--",
    "livekit-agents-as-shipped": "d:",
    "pipecat": "^-.",
}


def draw(rows: Sequence[Row], folder: Path) -> None:
    """One picture for the processor, one for what callers notice."""
    mpl.rcParams["svg.hashsalt"] = "switchboard"
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    _lines(axes, rows, lambda one: one["cpu_pct_per_call"])
    axes.set_yscale("log")
    axes.set_ylabel("% of a core per call")
    axes.set_title("Processor time per call, one core, providers made up")
    figure.savefig(folder / "engine-cpu.svg", metadata={"Date": None})

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _lines(left, rows, lambda one: one["turn_latency_ms"]["p95"])
    left.set_ylabel("caller stops to agent speaks, p95 (ms)")
    _lines(right, rows, lambda one: one["loop_lag_ms_p99"])
    right.set_ylabel("event loop late by, p99 (ms)")
    right.set_yscale("log")
    figure.savefig(folder / "engine-latency.svg", metadata={"Date": None})


def _lines(axes: mpl.axes.Axes, rows: Sequence[Row], value: Callable[[Row], float | None]) -> None:
    for engine, mark in _MARKS.items():
        points = [(one["calls"], value(one)) for one in rows if one["engine"] == engine]
        known = sorted((calls, y) for calls, y in points if y is not None)
        if known:
            axes.plot(*zip(*known, strict=True), mark, label=engine, markersize=4)
    axes.set_xscale("log")
    axes.set_xlabel("calls")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize=8)
