from dataclasses import replace

import pytest

from switchboard_contract.call_events import Outcome
from switchboard_loadtest.outcome import judge
from switchboard_loadtest.sip_scenario import Ending
from tests.loadtest.results import SCRIPT, agent, leg, refused, view


def test_a_call_that_booked_what_was_asked_for_is_completed() -> None:
    assert judge(SCRIPT, view(leg()), agent(), joined=True) == ""


def test_another_booking_than_asked_for_is_a_failure_that_names_both() -> None:
    failure = judge(SCRIPT, view(leg()), agent(day="monday"), joined=True)
    assert failure == "the caller asked for day 'tuesday', but booked was day 'monday'"


def test_another_outcome_is_a_failure() -> None:
    failure = judge(SCRIPT, view(leg()), agent(outcome=Outcome.NO_INPUT), joined=True)
    assert failure == "ended as no_input, not as completed"


def test_a_call_without_an_end_is_a_failure() -> None:
    cut = agent()
    cut = replace(cut, events=cut.events[:-1])
    failure = judge(SCRIPT, view(leg()), cut, joined=True)
    assert failure == "the worker did not report the end of the call"


def test_a_call_that_no_worker_reported_is_a_failure_only_if_events_were_read() -> None:
    assert judge(SCRIPT, view(leg()), None, joined=True) == "no worker reported the call"
    assert judge(SCRIPT, view(leg()), None, joined=False) == ""


def test_an_unfinished_flow_is_a_failure() -> None:
    script = replace(SCRIPT, expected=replace(SCRIPT.expected, result="moving"))
    failure = judge(script, view(leg()), agent(), joined=True)
    assert failure == "finished flow booking, not moving"


def test_a_call_that_is_dropped_after_a_180_as_livekit_sip_does_counts_as_refused() -> None:
    script = replace(SCRIPT, ending=Ending.REFUSED)
    dropped = view(replace(refused(), final_status=0, rang=True))
    assert judge(script, dropped, None, joined=True) == ""


@pytest.mark.parametrize(
    ("ending", "status", "failure"),
    [
        (Ending.SPEAK, 503, "was not answered (final answer 503)"),
        (Ending.SPEAK, 0, "was not answered (final answer none)"),
        (Ending.REFUSED, 404, ""),
        (Ending.REFUSED, 200, "was not refused (final answer 200)"),
        (Ending.REFUSED, 0, "was not refused (final answer none)"),
        (Ending.CANCEL, 487, ""),
        (Ending.CANCEL, 200, "cancelled, but the final answer was 200"),
    ],
)
def test_the_final_answer_has_to_fit_the_ending(ending: Ending, status: int, failure: str) -> None:
    script = replace(SCRIPT, ending=ending)
    unanswered = view(replace(refused(), final_status=status))
    assert judge(script, unanswered, None, joined=True) == failure
