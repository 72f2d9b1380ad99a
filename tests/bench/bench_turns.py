"""Turn-taking against synthesised callers: `python -m tests.bench.bench_turns`.

Endpointing: sentences with a pause of 100 to 1,500 ms inside, through each detector; the delay
after the end of the sentence stands beside the share of pauses that were taken for the end. Barge-
in: interruptions, back-channels and noises over the agent's voice. Runs in virtual time, in about
a minute; needs flite. Writes out/bench/turns.json.

`--model` adds the detector audioModel with an ONNX file (Smart Turn v3; the wheel of pipecat-ai
carries one). Words are known to the stand-in recogniser: what is measured is the rules.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from switchboard_agent.dialog.prompted import PromptedDialog
from switchboard_agent.llm.chain import LlmChain
from switchboard_agent.turn.end_model import EndModel
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.turn import EndDetector, Endpointing, TurnSpec
from switchboard_contract.crd.turn import EndModel as EndModelSpec
from switchboard_contract.crd.voice_agent import Persona, PromptDialog
from tests.agent.engine.calls import agent_config
from tests.bench import turns_speech as speech
from tests.bench.turns_ladder import Decision, Judge, decide, hear
from tests.bench.turns_overlap import Overlapped, overlap

GROUPS: Final = {
    "complete": speech.UNFINISHED,
    "afterthought": speech.AFTERTHOUGHTS,
    "dictated": speech.DICTATED,
}
GOAL_DELAY_MS, GOAL_CUT_PCT, GOAL_STOP_PCT = 300, 10, 10


def settings(model: str | None) -> dict[str, Endpointing]:
    """The detectors compared, by name."""
    silence = EndDetector.SILENCE
    made = {
        f"silence {ms}": Endpointing(detector=silence, min_silence_ms=ms, max_silence_ms=ms)
        for ms in (300, 600, 1000)
    }
    made["completeness (default)"] = Endpointing()
    made["completeness 300/1200"] = Endpointing(min_silence_ms=300, max_silence_ms=1200)
    if model is not None:
        heard = {"detector": EndDetector.AUDIO_MODEL, "model": EndModelSpec(path=model)}
        made["audioModel (default)"] = Endpointing.model_validate(heard)
        made["audioModel 300/1200"] = Endpointing.model_validate(
            heard | {"min_silence_ms": 300, "max_silence_ms": 1200}
        )
    return made


def with_turn(turn: TurnSpec) -> AgentConfig:
    """An agent with these rules."""
    return agent_config(turn=turn)


def prompted() -> PromptedDialog:
    """A dialog that knows no script: what it takes for complete are the rules of the language."""
    prompt = PromptDialog(greeting="Hello.", instructions="Help.")
    return PromptedDialog(prompt, Persona(name="Ann"), LlmChain(()), lambda: None)


def ladder(model_path: str | None) -> list[dict[str, Any]]:
    """Every detector on every group of sentences."""
    model = EndModel(model_path) if model_path else None
    rows = []
    for group, sentences in GROUPS.items():
        rungs = [r for v in speech.VOICES for s in sentences for r in speech.rungs(s, v)]
        heard, judge = hear(rungs), Judge(model) if model else None
        for name, endpointing in settings(model_path).items():
            config = with_turn(TurnSpec(endpointing=endpointing))
            decisions = decide(rungs, heard, config, prompted(), judge)
            rows.append({"detector": name, "sentences": group} | summary(decisions))
    return rows


def summary(decisions: Sequence[Decision]) -> dict[str, Any]:
    """Delay beside false cut-offs."""
    delays = [each.delay_ms for each in decisions if np.isfinite(each.delay_ms)]
    cut = [each.pause_ms for each in decisions if each.cut_off]
    by_pause = {
        str(pause): percent([each.cut_off for each in decisions if each.pause_ms == pause])
        for pause in speech.RUNGS_MS
    }
    return {
        "pauses": len(decisions),
        "false_cutoffs_pct": percent([each.cut_off for each in decisions]),
        "delay_ms": quantiles(delays),
        "shortest_pause_cut_ms": min(cut, default=None),
        "false_cutoffs_pct_by_pause_ms": by_pause,
    }


def sounds() -> dict[str, dict[str, Any]]:
    """Interruptions, back-channels and noises over the agent's voice."""
    config = with_turn(TurnSpec())
    voices = (*speech.VOICES, "kal16")
    spoken = {
        "interruption": [(t, v) for t in speech.INTERRUPTIONS for v in speech.VOICES],
        "backchannel": [(t, v) for t in speech.BACKCHANNELS for v in voices],
    }
    report = {
        kind: overlaps({f"{v}: {t}": overlap(speech.speak(t, v), t, config) for t, v in cases})
        for kind, cases in spoken.items()
    }
    noises = {name: overlap(pcm, "", config) for name, pcm in speech.noises().items()}
    return report | {"noise": overlaps(noises)}


def overlaps(by_name: Mapping[str, Overlapped]) -> dict[str, Any]:
    """Whether they stopped the agent, how fast, and what going on cost."""
    done = list(by_name.values())
    resumed = [each.resumed_ms for each in done if each.resumed_ms is not None]
    silent = [each.silent_ms for each in done if each.silent_ms is not None]
    return {
        "sounds": len(done),
        "stops_pct": percent([each.stopped for each in done]),
        "silent_after_ms": quantiles(silent),
        "resumed_after_ms": quantiles(resumed) | {"max": round(max(resumed, default=0.0), 1)},
        "samples_lost": sum(each.samples_lost for each in done),
        "stopped_by": [name for name, each in by_name.items() if each.stopped],
        "each": {name: asdict(each) for name, each in by_name.items()},
    }


def percent(found: Sequence[bool]) -> float:
    """Share of those that hold."""
    return round(100 * sum(found) / max(1, len(found)), 1)


def quantiles(values: Sequence[float]) -> dict[str, float | None]:
    """Median and 95th percentile."""
    if not values:
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


def show(rows: Sequence[dict[str, Any]], over: dict[str, dict[str, Any]]) -> None:
    """Tables for a person."""
    say(f"{'detector':24} {'sentences':13} {'cut off':>8} {'delay p50':>10} {'p95':>7} ms")
    for row in rows:
        delay = row["delay_ms"]
        say(
            f"{row['detector']:24} {row['sentences']:13} {row['false_cutoffs_pct']:7}% "
            f"{delay['p50']:>10} {delay['p95']:>7}"
        )
    head = f"{'over the agent':16} {'stops':>7} {'silent p50':>11} {'p95':>7} {'resumed':>12} ms"
    say(f"\n{head}")
    for kind, row in over.items():
        silent, resumed = row["silent_after_ms"], row["resumed_after_ms"]
        say(
            f"{kind:16} {row['stops_pct']:6}% {silent['p50']!s:>11} {silent['p95']!s:>7} "
            f"{resumed['max']!s:>12}   samples lost: {row['samples_lost']}"
        )


def reached(rows: Sequence[dict[str, Any]], over: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The goals, and which detectors reach the one of endpointing."""
    good = [
        row["detector"]
        for row in rows
        if row["sentences"] == "complete"
        and row["delay_ms"]["p50"] <= GOAL_DELAY_MS
        and row["false_cutoffs_pct"] <= GOAL_CUT_PCT
    ]
    return {
        "endpoint_p50_300_ms_at_10_pct_cutoffs": good,
        "backchannel_stops_at_most_10_pct": over["backchannel"]["stops_pct"] <= GOAL_STOP_PCT,
    }


def say(line: str) -> None:
    """One line of the report."""
    print(line, flush=True)  # noqa: T201 - a script's output


def main() -> int:
    """Run everything; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="ONNX file for the detector audioModel")
    parser.add_argument("--out", type=Path, default=Path("out/bench/turns.json"))
    args = parser.parse_args()
    rows, over = ladder(args.model), sounds()
    show(rows, over)
    goals = reached(rows, over)
    say(f"\ngoals: {json.dumps(goals)}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    report = {"goals": goals, "endpointing": rows, "overlap": over}
    args.out.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
