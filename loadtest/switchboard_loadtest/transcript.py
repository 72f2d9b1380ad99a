"""A conversation as its caller lived it: texts from the worker, times from the caller's packets.

What was understood and said is only known to the worker; when it was heard is only known at the
caller. Each line of the worker takes the time of the stretch of speech next to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from switchboard_loadtest.agent_events import AgentView, Line
from switchboard_loadtest.caller_view import CallerView

SAME_MS = 1500
"""Greatest distance between the worker's and the caller's time of the same speech."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One line; `at_ms` is from the 200 OK to the start of the speech, at the caller."""

    who: str
    text: str
    at_ms: int


def transcript(view: CallerView, agent: AgentView) -> list[Spoken]:
    """All lines of a call in order of time."""
    zero_ms = (view.leg.answered_ns or view.leg.invite_ns) / 1e6
    caller = [(turn.ended_ms, turn.started_ms) for turn in view.turns]
    heard = [(span.start_ms, span.start_ms) for span in view.agent_speech]
    lines = [
        Spoken(
            line.who,
            line.text,
            round(_at_caller(line, zero_ms, heard if line.who == "agent" else caller)),
        )
        for line in agent.conversation
    ]
    return sorted(lines, key=lambda line: line.at_ms)


def _at_caller(line: Line, zero_ms: float, known: Sequence[tuple[float, float]]) -> float:
    """Start of the speech whose mark is next to the line's time; the line's own if none is near."""
    own = line.at_unix_ms - zero_ms
    mark, start = min(known, key=lambda pair: abs(pair[0] - own), default=(own, own))
    return start if abs(mark - own) <= SAME_MS else own
