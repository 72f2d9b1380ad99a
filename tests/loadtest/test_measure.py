"""Latency rules, on packets whose times are arithmetic."""

import numpy as np

from switchboard_loadtest import measure
from switchboard_loadtest.measure import BargeIn, Flags, Times, TurnResult
from switchboard_loadtest.voiced import Span


def _packets(*spoken: tuple[int, int], until_ms: int = 10_000) -> tuple[Times, Flags]:
    """A packet each 20 ms; voiced inside the given stretches (end excluded)."""
    times = np.arange(0, until_ms, 20, dtype=np.float64)
    voiced = np.zeros(times.size, np.bool_)
    for start, end in spoken:
        voiced |= (times >= start) & (times < end)
    return times, voiced


def test_speech_runs_from_its_first_to_its_last_voiced_packet() -> None:
    assert measure.speech(*_packets((1000, 2000), (4000, 4500))) == [
        Span(1000, 1980),
        Span(4000, 4480),
    ]


def test_a_pause_between_sentences_does_not_end_speech() -> None:
    assert measure.speech(*_packets((1000, 2000), (2400, 3000))) == [Span(1000, 2980)]


def test_a_click_is_not_speech() -> None:
    assert measure.speech(*_packets((1000, 1040))) == []


def test_speech_needs_three_packets_of_five() -> None:
    times, voiced = _packets((1000, 1040), (1060, 1080))
    assert measure.speech(times, voiced) == [Span(1000, 1060)]


def test_turn_latency_is_from_the_last_voiced_packet_to_the_first_of_the_reply() -> None:
    agent = [Span(0, 900), Span(2700, 3500)]
    turn = measure.turn("hi", Span(1200, 2000), until_ms=9000, agent=agent)
    assert (turn.result, turn.latency_ms) == (TurnResult.REPLIED, 700)


def test_a_reply_after_the_callers_next_words_belongs_to_those() -> None:
    turn = measure.turn("hi", Span(1200, 2000), until_ms=2500, agent=[Span(2700, 3500)])
    assert (turn.result, turn.latency_ms) == (TurnResult.NO_REPLY, None)


def test_an_agent_that_starts_before_the_caller_has_ended_gives_no_latency() -> None:
    turn = measure.turn("hi", Span(1200, 2000), until_ms=9000, agent=[Span(1900, 3500)])
    assert (turn.result, turn.latency_ms) == (TurnResult.TALKED_OVER, None)


def test_the_reply_to_an_interruption_is_the_speech_after_the_cut() -> None:
    agent = [Span(500, 1500), Span(2600, 3500)]
    turn = measure.turn("wait", Span(1200, 2000), until_ms=9000, agent=agent)
    assert (turn.result, turn.latency_ms) == (TurnResult.REPLIED, 600)


def test_barge_in_stop_is_from_the_callers_onset_to_the_agents_last_voiced_packet() -> None:
    assert measure.barge_in(1200, [Span(500, 1500), Span(2600, 3500)]) == BargeIn(1200, 300)


def test_an_interruption_in_a_short_pause_of_the_agent_stops_it_at_once() -> None:
    assert measure.barge_in(1600, [Span(500, 1500)]) == BargeIn(1600, 0)


def test_there_is_no_interruption_of_an_agent_that_is_silent() -> None:
    assert measure.barge_in(4000, [Span(500, 1500), Span(4600, 5000)]) == BargeIn(4000, None)


def test_gaps_are_times_without_packets_inside_speech_only() -> None:
    times, _ = _packets((0, 3000), until_ms=6000)
    times = times[~(((times > 1000) & (times < 1120)) | ((times > 4000) & (times < 4500)))]
    assert measure.gaps(times, [Span(0, 3000)], over_ms=60) == [120]
    assert measure.gaps(times, [Span(0, 3000)], over_ms=120) == []


def test_percentiles_of_nothing_are_nothing() -> None:
    assert measure.percentile([], 95) is None
    assert measure.percentile([1, 2, 3], 50) == 2
