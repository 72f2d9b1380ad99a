"""What the caller felt, as numbers: pure functions over arrival times and voiced flags.

The rules, because a latency without its rule is no latency:

- *speech of the agent* starts at the first of five packets of which three are voiced, and ends with
  its last voiced packet before half a second without one;
- *turn latency* is from the sending of the caller's last voiced packet to the arrival of the first
  voiced packet of the agent's next speech; an agent that is still speaking then, or that starts
  before the caller has ended, gives no latency but a count (`talked_over`);
- *barge-in stop* is from the sending of the caller's first voiced packet to the arrival of the
  agent's last voiced packet; it only exists if the agent was speaking;
- a *gap* is time without packets inside the agent's speech (silence in their place: `hesitation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from switchboard_loadtest.voiced import Span, is_onset

PAUSE_MS = 500
"""Silence that ends a stretch of speech; pauses between sentences are shorter."""

SPEAKING_BEFORE_MS = 200
"""An agent heard this shortly before the caller's onset counts as speaking."""

GAP_LIMITS_MS = (60, 100)

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]


class TurnResult(StrEnum):
    """What followed an utterance."""

    REPLIED = "replied"
    TALKED_OVER = "talked_over"
    """The agent spoke before the caller had ended."""
    NO_REPLY = "no_reply"


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance and the reply to it."""

    text: str
    started_ms: float
    """When the caller's first voiced packet was sent."""
    ended_ms: float
    """When its last one was."""
    result: TurnResult
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class BargeIn:
    """One interruption."""

    onset_ms: float
    """When the caller's first voiced packet was sent."""
    stop_ms: float | None
    """How long the agent went on; None if it was not speaking."""


def speech(arrival_ms: Times, voiced: Flags, *, pause_ms: float = PAUSE_MS) -> list[Span]:
    """Stretches of speech: arrivals of their first and last voiced packet."""
    spans: list[Span] = []
    for index in np.flatnonzero(voiced):
        now = float(arrival_ms[index])
        if spans and now - spans[-1].end_ms < pause_ms:
            spans[-1] = Span(spans[-1].start_ms, now)
        elif is_onset(voiced, int(index)):
            spans.append(Span(now, now))
    return spans


def turn(text: str, said: Span, until_ms: float, agent: Sequence[Span]) -> Turn:
    """What followed an utterance; `said` is from its first to its last voiced packet.

    `until_ms` is when the caller spoke next: an answer after that belongs to that.
    """
    result, latency_ms = TurnResult.NO_REPLY, None
    for span in agent:
        if span.start_ms > said.end_ms:
            if span.start_ms < until_ms:
                result, latency_ms = TurnResult.REPLIED, span.start_ms - said.end_ms
            break
        if span.end_ms > said.end_ms and span.start_ms > said.start_ms:
            result = TurnResult.TALKED_OVER
            break
    return Turn(text, said.start_ms, said.end_ms, result, latency_ms)


def barge_in(onset_ms: float, agent: Sequence[Span]) -> BargeIn:
    """How long the agent went on speaking after the caller's onset."""
    for span in agent:
        if span.start_ms < onset_ms <= span.end_ms + SPEAKING_BEFORE_MS:
            return BargeIn(onset_ms, max(0.0, span.end_ms - onset_ms))
    return BargeIn(onset_ms, None)


def gaps(arrival_ms: Times, agent: Sequence[Span], *, over_ms: float) -> list[float]:
    """Times without packets longer than `over_ms`, inside the agent's speech."""
    found: list[float] = []
    for span in agent:
        inside = arrival_ms[(arrival_ms >= span.start_ms) & (arrival_ms <= span.end_ms)]
        steps = np.diff(np.sort(inside))
        found += [float(step) for step in steps if step > over_ms]
    return found


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Linear interpolation between the closest ranks; None of nothing."""
    return float(np.percentile(np.array(values), percent)) if values else None
