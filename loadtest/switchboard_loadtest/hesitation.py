"""Silence in the agent's speech that does not belong there, found by comparing callers.

A pause of the voice, the stretching of a jitter buffer and a frame that came too late all look
alike in one call. But callers of one script are told the same words: what belongs to the words is
in every call, what went wrong is in one. So the pauses of each stretch of speech are laid beside
those of the median call, in order and by the amount of voiced sound before them (which inserted
silence leaves as it is), and what is longer or extra was added.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from switchboard_loadtest.caller_view import CallerView
from switchboard_loadtest.measure import Flags
from switchboard_loadtest.voiced import FRAME_MS

LEAST_CALLS = 3
"""A median of fewer says nothing."""

SAME_WORDS = 0.1
"""Voiced lengths that differ by more are other words, or the same words cut short."""

_NEAR_MS = 200.0
"""How far apart the same pause may be in two calls: jitter buffers stretch sound a little."""

_DISTANCE_COST = 0.2


@dataclass(frozen=True, slots=True)
class Pause:
    """One silence inside speech."""

    voiced_before_ms: float
    length_ms: float


def pauses(voiced: Flags) -> list[Pause]:
    """Silences between voiced frames of one stretch of speech."""
    places = np.flatnonzero(voiced)
    steps = np.diff(places)
    return [
        Pause(float((index + 1) * FRAME_MS), float((steps[index] - 1) * FRAME_MS))
        for index in np.flatnonzero(steps > 1)
    ]


def added_silence(found: Sequence[Pause], usual: Sequence[Pause]) -> list[float]:
    """By how much each pause is longer than the usual one it stands for; extra ones in full.

    The pairing is the cheapest in order (edit distance over lengths), so that a pause that is
    missing or extra does not shift all that follow.
    """
    rows, columns = len(found), len(usual)
    cost = np.zeros((rows + 1, columns + 1))
    cost[1:, 0] = np.cumsum([pause.length_ms for pause in found])
    cost[0, 1:] = np.cumsum([pause.length_ms for pause in usual])
    for row, mine in enumerate(found, 1):
        for column, other in enumerate(usual, 1):
            cost[row, column] = min(
                cost[row - 1, column - 1] + _pair_cost(mine, other),
                cost[row - 1, column] + mine.length_ms,
                cost[row, column - 1] + other.length_ms,
            )
    return sorted(_walk_back(cost, found, usual))


def _pair_cost(mine: Pause, other: Pause) -> float:
    apart = abs(mine.voiced_before_ms - other.voiced_before_ms)
    if apart > _NEAR_MS:
        return float("inf")
    return abs(mine.length_ms - other.length_ms) + _DISTANCE_COST * apart


def _walk_back(
    cost: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    found: Sequence[Pause],
    usual: Sequence[Pause],
) -> Iterator[float]:
    row, column = len(found), len(usual)
    while row:
        mine = found[row - 1]
        if cost[row, column] == cost[row - 1, column] + mine.length_ms:
            yield mine.length_ms
            row -= 1
            continue
        other = usual[column - 1]
        if cost[row, column] == cost[row - 1, column - 1] + _pair_cost(mine, other):
            yield max(0.0, mine.length_ms - other.length_ms)
            row -= 1
        column -= 1


def hesitations(views: Sequence[CallerView]) -> list[float]:
    """Added silence in every stretch of speech that enough calls have; zeros left out."""
    told: dict[int, list[Flags]] = defaultdict(list)
    for view in views:
        for index, voiced in enumerate(_speech_frames(view)):
            told[index].append(voiced)
    found: list[float] = []
    for same in told.values():
        found += [added for added in _against_median(same) if added > 0]
    return found


def _speech_frames(view: CallerView) -> Iterator[Flags]:
    zero_ns = view.leg.answered_ns or view.leg.invite_ns
    arrival_ms = (view.hearing.arrival_ns - zero_ns) / 1e6
    for span in view.agent_speech:
        inside = (arrival_ms >= span.start_ms) & (arrival_ms <= span.end_ms)
        yield view.hearing.voiced[inside]


def _against_median(same: Sequence[Flags]) -> Iterator[float]:
    """Compare each call with the one whose silence is the median among those of equal words."""
    usual_sound = float(np.median([flags.sum() for flags in same]))
    alike = [f for f in same if abs(f.sum() - usual_sound) <= SAME_WORDS * usual_sound]
    if len(alike) < LEAST_CALLS:
        return
    alike.sort(key=lambda flags: int(flags.size - flags.sum()))
    usual = pauses(alike[(len(alike) - 1) // 2])
    for flags in alike:
        yield from added_silence(pauses(flags), usual)
