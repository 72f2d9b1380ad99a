"""What `switchboard try` shows and leaves behind: the conversation, its sound, its timings."""

import json
import statistics
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from switchboard_agent.records.base import CallRecorder
from switchboard_agent.transport.base import SAMPLE_RATE_HZ
from switchboard_agent.transport.loopback import Recording
from switchboard_contract.call_events import CallEnded, CallEvent, KeysSent, ReplySpoken, TurnHeard


@dataclass(slots=True)
class PrintingRecorder(CallRecorder):
    """Prints each line of the conversation as it ends, and keeps all events."""

    events: list[CallEvent] = field(default_factory=list)

    @override
    def record(self, event: CallEvent) -> None:
        self.events.append(event)
        if isinstance(event, TurnHeard):
            _say(event.speech_ended_call_ms, "caller", event.text or f"[keys {event.dtmf}]")
        elif isinstance(event, ReplySpoken):
            latency = event.turn_latency_ms
            note = "" if latency is None else f"  ({latency:.0f} ms after the caller)"
            cut = "  -- interrupted" if event.interrupted else ""
            _say(event.started_call_ms, "agent", f"{event.heard}{cut}{note}")
        elif isinstance(event, KeysSent):
            _say(event.at_call_ms, "agent", f"[keys {event.dtmf}]")
        elif isinstance(event, CallEnded):
            _say(event.at_call_ms, "", f"call over: {event.outcome}")

    @property
    def ended(self) -> CallEnded | None:
        """How the call ended, if it has."""
        return next((event for event in self.events if isinstance(event, CallEnded)), None)


def _say(at_ms: int, who: str, text: str) -> None:
    click.echo(f"{at_ms / 1000:7.2f} s  {who:<7} {text}")


def summary(events: list[CallEvent]) -> dict[str, Any]:
    """The call in figures, as written to timings.json."""
    ended = next((event for event in events if isinstance(event, CallEnded)), None)
    replies = [event for event in events if isinstance(event, ReplySpoken)]
    latencies = [r.turn_latency_ms for r in replies if r.turn_latency_ms is not None]
    return {
        "outcome": ended.outcome.value if ended else None,
        "duration_ms": ended.duration_ms if ended else None,
        "result": ended.result if ended else "",
        "slots": ended.slots if ended else {},
        "turn_latency_ms": {
            "p50": _percentile(latencies, 50),
            "p95": _percentile(latencies, 95),
            "samples": len(latencies),
        },
        "interruptions": sum(reply.interrupted for reply in replies),
        "events": [event.model_dump(mode="json") for event in events],
    }


def _percentile(values: list[float], percent: int) -> float | None:
    if len(values) < 2:  # noqa: PLR2004 - no quantile of one value
        return round(values[0], 1) if values else None
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 1)


def write(out: Path, events: list[CallEvent], recording: Recording) -> None:
    """Write call.wav (caller left, agent right) and timings.json."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "timings.json").write_text(json.dumps(summary(events), indent=2) + "\n", "utf-8")
    with wave.open(str(out / "call.wav"), "wb") as file:
        file.setparams((2, 2, SAMPLE_RATE_HZ, 0, "NONE", "not compressed"))
        file.writeframes(recording.stereo().astype("<i2").tobytes())
