"""The ramp: calls that are live together, more each time, until callers would complain."""

import dataclasses
from pathlib import Path

import pytest

from switchboard_loadtest import ramp, report
from switchboard_loadtest.at_once import most_at_once, rate_for
from switchboard_loadtest.run import Run, Settings
from tests.loadtest.results import ANSWERED_NS, SCRIPT, agent, leg, refused, result, view
from tests.loadtest.results import run as finished_run

_GOOD = result(view(leg()), agent())
_REFUSED = result(view(refused()), None)


class _Machine:
    """Takes so many calls at once, and refuses one more."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.placed: list[Settings] = []

    async def place(self, settings: Settings) -> Run:
        self.placed.append(settings)
        refusals = max(0, settings.calls - self.holds)
        return finished_run(*[_GOOD] * (settings.calls - refusals), *[_REFUSED] * refusals)


def _settings(calls: int, folder: Path) -> Settings:
    template = finished_run(_GOOD).settings
    return dataclasses.replace(template, calls=calls, folder=folder)


async def test_a_ramp_ends_with_the_step_that_was_too_much(tmp_path: Path) -> None:
    machine = _Machine(holds=17)
    runs = await ramp.climb(_settings(10, tmp_path), 40, place=machine.place)
    assert [one.calls for one in machine.placed] == [10, 15, 20]
    facts = ramp.facts_of([report.summary(one) for one in runs])
    assert facts["held_calls"] == 15
    assert facts["saturated"] == {"calls": 20, "why": "3 calls were not answered"}
    assert [step["calls"]["placed"] for step in facts["steps"]] == [10, 15, 20]


async def test_a_ramp_that_is_never_too_much_says_so(tmp_path: Path) -> None:
    machine = _Machine(holds=100)
    runs = await ramp.climb(_settings(1, tmp_path), 11, place=machine.place)
    facts = ramp.facts_of([report.summary(one) for one in runs])
    assert (facts["held_calls"], facts["saturated"]) == (11, None)


async def test_no_two_steps_share_callers_or_a_folder(tmp_path: Path) -> None:
    machine = _Machine(holds=100)
    await ramp.climb(_settings(10, tmp_path), 20, place=machine.place)
    firsts = [one.first_caller for one in machine.placed]
    assert firsts[1] - firsts[0] >= 20
    assert len({one.folder for one in machine.placed}) == 3


async def test_all_calls_of_a_step_are_placed_while_the_first_still_speaks(tmp_path: Path) -> None:
    machine = _Machine(holds=100)
    await ramp.climb(_settings(10, tmp_path), 40, place=machine.place)
    for one in machine.placed:
        placed_within_s = one.calls / one.calls_per_second
        assert placed_within_s < SCRIPT.says[-1].at_ms / 1000


def test_a_rate_that_is_high_enough_is_kept() -> None:
    assert rate_for(SCRIPT, 2, 20.0) == 20.0


def test_a_step_whose_calls_were_not_live_together_proves_nothing() -> None:
    later = dataclasses.replace(
        leg("late"),
        invite_ns=ANSWERED_NS + 59_900_000_000,
        answered_ns=ANSWERED_NS + 60_000_000_000,
        ended_ns=ANSWERED_NS + 70_000_000_000,
    )
    facts = report.summary(finished_run(_GOOD, result(view(later), agent("late"))))
    assert ramp.why_saturated(facts) == "only 1 of 2 calls were live at once"


@pytest.mark.parametrize(("busy_s", "shared"), [(3.0, False), (15.0, True)])
def test_a_machine_that_did_something_else_meanwhile_is_told(busy_s: float, shared: bool) -> None:
    done = finished_run(_GOOD, busy_s=busy_s)
    done = dataclasses.replace(done, settings=dataclasses.replace(done.settings, system_pid=7))
    facts = report.summary(done)
    assert facts["busy_cores_of_others"] == round((busy_s - 0.6) / 20.0, 2)
    assert ("figures of a shared machine" in ramp.table([facts])) is shared


def test_whose_the_other_processes_are_is_not_known_of_a_system_elsewhere() -> None:
    assert report.summary(finished_run(_GOOD))["busy_cores_of_others"] is None


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(0, 10), (5, 15), (9, 20)], 3),
        ([(0, 10), (10, 20)], 1),
        ([(0, 30), (1, 2), (3, 4)], 2),
        ([], 0),
    ],
)
def test_calls_at_once_are_the_most_that_overlap(spans: list[tuple[int, int]], most: int) -> None:
    legs = [dataclasses.replace(leg(), answered_ns=start, ended_ns=end) for start, end in spans]
    assert most_at_once([*legs, refused()]) == most


def test_a_ramp_table_says_where_it_ended() -> None:
    steps = [
        report.summary(finished_run(_GOOD)),
        report.summary(finished_run(_GOOD, _REFUSED)),
    ]
    lines = ramp.table(steps).splitlines()
    assert len(lines) == 5
    assert lines[3] == "saturated at 2 calls: 1 calls were not answered"
    assert ramp.table(steps[:1]).splitlines()[2] == "not saturated at 1 calls"
