import dataclasses
import json
from pathlib import Path

import pytest

from switchboard_cli import demo_report
from switchboard_loadtest.run import Run
from tests.loadtest.results import agent, leg, refused, result, run, view

_FIRST = run(result(view(leg()), agent()))
_AUDIO = Path("out/demo/booking-1.wav")


def test_the_json_has_the_promised_shape_and_only_measured_figures() -> None:
    facts = demo_report.facts([_FIRST, _FIRST], audio=_AUDIO, sip="edge", cold_start_s=12.34)
    assert facts == {
        "calls": {"placed": 2, "answered": 2, "completed": 2},
        "answer_ms": {"p50": 300.0, "p95": 300.0},
        "turn_latency_ms": {"p50": 650.0, "p95": 700.0, "samples": 4},
        "barge_in_stop_ms": {"p50": 300.0, "p95": 300.0},
        "word_error_rate": 0.25,
        "transcript": [
            {"who": "agent", "text": "Hello.", "at_ms": 100},
            {"who": "caller", "text": "i would like to book an appointment", "at_ms": 5000},
            {"who": "agent", "text": "Which day? [interrupted]", "at_ms": 7600},
            {"who": "caller", "text": "good buy", "at_ms": 9000},
        ],
        "audio": "out/demo/booking-1.wav",
        "sip": "edge",
        "cold_start_s": 12.3,
        "send_times": "captured",
        "notes": [],
    }
    assert json.loads(json.dumps(facts)) == facts


def test_a_demo_without_answers_still_writes_its_figures() -> None:
    facts = demo_report.facts(
        [run(result(view(refused()), None))], audio=_AUDIO, sip="edge", cold_start_s=1
    )
    assert facts["calls"] == {"placed": 1, "answered": 0, "completed": 0}
    assert facts["turn_latency_ms"] == {"p50": None, "p95": None, "samples": 0}
    assert facts["transcript"] == []
    assert facts["word_error_rate"] is None
    assert "not measured" in demo_report.text([], facts)


def test_without_call_events_nothing_is_claimed_about_words_and_bookings() -> None:
    silent = run(result(view(leg()), None))
    blind = dataclasses.replace(
        silent, settings=dataclasses.replace(silent.settings, redis_url=None)
    )
    facts = demo_report.facts([blind], audio=_AUDIO, sip="unknown", cold_start_s=1)
    assert facts["calls"] == {"placed": 1, "answered": 1, "completed": None}
    assert (facts["word_error_rate"], facts["transcript"]) == (None, None)
    text = demo_report.text([blind], facts)
    assert "1 of 1 calls answered through unknown" in text
    assert "note: no call events were read" in text
    assert "The conversation of the first call is not known." in text


def test_figures_that_rest_on_assumed_send_times_say_so() -> None:
    derived = dataclasses.replace(_FIRST, captured=False)
    facts = demo_report.facts([derived], audio=_AUDIO, sip="edge", cold_start_s=1)
    assert facts["send_times"] == "assumed"
    assert "turn latency and barge-in stop rest on that" in demo_report.text([derived], facts)


@pytest.mark.parametrize(
    ("failed", "why"),
    [
        (run(result(view(leg()), agent(day="monday"))), "booked was day 'monday'"),
        (run(result(view(refused()), None)), "was not answered (final answer 503)"),
        (run(placed=5), "5 calls of booking were never placed"),
    ],
    ids=["wrong booking", "refused", "not placed"],
)
def test_a_demo_fails_for_a_reason_that_it_names(failed: Run, why: str) -> None:
    assert demo_report.problems([_FIRST]) == []
    (problem,) = demo_report.problems([_FIRST, failed])
    assert why in problem


def test_the_text_shows_conversation_booking_and_words_that_were_misheard() -> None:
    facts = demo_report.facts([_FIRST], audio=_AUDIO, sip="edge", cold_start_s=1)
    text = demo_report.text([_FIRST], facts)
    assert "5.00 s  caller  i would like to book an appointment" in text
    assert "booked: day tuesday" in text
    assert "asked (booking): i would like to book an appointment / goodbye" in text
    assert "+15551000001, 2 of 8 wrong: i would like to book an appointment / good buy" in text
    assert "turn latency       p50 650 ms, p95 700 ms" not in text.split("1 of 1 calls")[0]
    assert "1 of 1 calls completed through edge" in text
