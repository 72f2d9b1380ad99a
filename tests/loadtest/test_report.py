import dataclasses

import pytest

from switchboard_loadtest import ramp, report
from switchboard_loadtest.lateness import Lateness
from switchboard_loadtest.outcome import CallResult
from tests.loadtest.results import agent, leg, refused, result, run, view

_GOOD = result(view(leg()), agent())
_REFUSED = result(view(refused()), None)


def test_a_summary_counts_and_measures_all_calls() -> None:
    facts = report.summary(run(_GOOD, _REFUSED))
    assert facts["calls"] == {"placed": 2, "answered": 1, "completed": 1}
    assert facts["answer_ms"] == {"p50": 300.0, "p95": 300.0, "samples": 1}
    assert facts["turn_latency_ms"]["samples"] == 2
    assert facts["turn_latency_ms"]["p50"] == pytest.approx(650)
    assert facts["barge_in_stop_ms"] == {"p50": 300.0, "p95": 300.0, "samples": 1}
    assert facts["words"] == 8
    assert facts["word_error_rate"] == pytest.approx(2 / 8)
    assert facts["cpu_mcore_per_call"] == {"worker": pytest.approx(50.0)}
    assert facts["busy_cores"] == 0.75
    assert facts["failures"] == ["call +15551000002: was not answered (final answer 503)"]


def test_a_call_without_events_does_not_count_as_words_lost() -> None:
    assert report.word_errors([result(view(leg()), None)]).words == 0


def test_the_table_tells_failures_and_survives_a_run_without_answers() -> None:
    text = report.table(report.summary(run(_REFUSED)))
    assert "FAILED  call +15551000002: was not answered (final answer 503)" in text
    assert "0 answered" in text


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ((_GOOD,), ""),
        ((_GOOD, _REFUSED), "1 calls were not answered"),
        ((result(view(leg(), gaps_ms=(90.0,) * 12), agent()),), "gaps over 60 ms per call"),
        ((result(view(leg(answer_ms=4000)), agent()),), "answers took 4000 ms"),
        ((result(view(leg(), latency_ms=9000), agent()),), "turns took"),
        ((result(view(leg()), agent(day="monday")),), "1 calls did not do what their callers"),
    ],
    ids=["well", "refused", "gaps", "answers", "turns", "booking"],
)
def test_saturation_is_what_callers_would_complain_about(
    calls: tuple[CallResult, ...], why: str
) -> None:
    found = ramp.why_saturated(report.summary(run(*calls)))
    assert (why in found) if why else not found


def test_a_summary_tells_how_many_calls_were_live_together_and_what_the_worker_says() -> None:
    done = dataclasses.replace(
        run(_GOOD, _GOOD), lateness=Lateness(1000, {0.02: 990, 0.08: 999}, underruns=3)
    )
    facts = report.summary(done)
    assert facts["calls_at_once"] == 2
    assert facts["worker_frames_late"] == {
        "ticks": 1000,
        "over_20_ms": 10,
        "over_60_ms": 0,
        "over_80_ms": 1,
        "over_100_ms": 0,
        "underruns": 3,
    }
    assert "10 of 1000 frames > 20 ms, 1 > 80 ms, 3 not ready" in report.table(facts)
