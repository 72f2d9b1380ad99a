"""One call from the caller's chair: what was sent, what was heard, and the figures of both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from switchboard_loadtest import measure
from switchboard_loadtest.caller_speech import CallerTrack, Spoken
from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.hearing import Hearing, listen
from switchboard_loadtest.measure import BargeIn, Turn
from switchboard_loadtest.signalling import CallLeg
from switchboard_loadtest.voiced import Span
from switchboard_media.codec import Codec


@dataclass(frozen=True, slots=True)
class CallerView:
    """Figures of one call. Times in milliseconds from the 200 OK."""

    leg: CallLeg
    sent_ns: tuple[int, ...]
    """When each packet of the track left; empty if none did."""
    hearing: Hearing
    agent_speech: tuple[Span, ...]
    turns: tuple[Turn, ...] = ()
    barge_ins: tuple[BargeIn, ...] = ()
    gaps_ms: tuple[float, ...] = ()
    """Times without packets of more than 60 ms inside the agent's speech."""

    @property
    def answered(self) -> bool:
        """Whether a 200 came."""
        return self.leg.answered_ns is not None

    @property
    def greeting_ms(self) -> float | None:
        """200 OK to the agent's first speech."""
        return self.agent_speech[0].start_ms if self.agent_speech else None

    @property
    def duration_ms(self) -> float:
        """200 OK to the first BYE."""
        if self.leg.answered_ns is None or self.leg.ended_ns is None:
            return 0.0
        return (self.leg.ended_ns - self.leg.answered_ns) / 1e6


def view(
    leg: CallLeg,
    track: CallerTrack,
    sent_ns: Sequence[int],
    heard: Sequence[Datagram],
    codec: Codec,
) -> CallerView:
    """Measure one call."""
    hearing = listen(heard, codec)
    zero_ns = leg.answered_ns or leg.invite_ns
    arrival_ms = (hearing.arrival_ns - zero_ns) / 1e6
    agent = measure.speech(arrival_ms, hearing.voiced)
    sent_ms = [(at_ns - zero_ns) / 1e6 for at_ns in sent_ns]
    said = [one for one in track.spoken if one.last_frame < len(sent_ms)]
    return CallerView(
        leg=leg,
        sent_ns=tuple(sent_ns),
        hearing=hearing,
        agent_speech=tuple(agent),
        turns=tuple(_turns(said, sent_ms, agent)),
        barge_ins=tuple(
            measure.barge_in(sent_ms[one.onset_frame], agent) for one in said if one.says.barge_in
        ),
        gaps_ms=tuple(measure.gaps(arrival_ms, agent, over_ms=measure.GAP_LIMITS_MS[0])),
    )


def _turns(said: Sequence[Spoken], sent_ms: Sequence[float], agent: list[Span]) -> list[Turn]:
    starts = [sent_ms[one.onset_frame] for one in said] + [np.inf]
    return [
        measure.turn(
            one.says.text or f"keys {one.says.keys}",
            Span(sent_ms[one.onset_frame], sent_ms[one.last_frame]),
            next_start,
            agent,
        )
        for one, next_start in zip(said, starts[1:], strict=True)
        if one.says.answered
    ]
