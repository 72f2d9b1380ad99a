"""How many calls a worker takes: what it was given, or what its event loop keeps up with."""

import asyncio

from switchboard_agent.admission import TOP_LOAD, Admission, Limits, RefusalReason
from switchboard_agent.places import FIRST, LOOK_SECONDS, STEP, FixedPlaces, FoundPlaces, places
from switchboard_contract.crd.scaling import MOST_CALLS_PER_WORKER
from tests.support.virtual_time import run_virtual

MAX_LAG = 0.1


class Loop:
    """An event loop whose lag a test sets."""

    def __init__(self, lag: float = 0.0) -> None:
        self.lag = lag
        self.found = FoundPlaces(lambda: self.lag, MAX_LAG, MOST_CALLS_PER_WORKER)

    def settle(self, held: int, looks: int = 500) -> int:
        for _ in range(looks):
            self.found.look(held)
        return self.found.now


def test_a_worker_begins_small_and_stays_so_while_few_call() -> None:
    assert Loop().settle(held=FIRST - STEP - 1) == FIRST


def test_it_grows_while_it_is_nearly_full_and_its_loop_in_time_and_no_further_than_the_most() -> (
    None
):
    loop = Loop()
    for _ in range(1000):
        loop.found.look(held=loop.found.now)
    assert loop.found.now == MOST_CALLS_PER_WORKER


def test_with_some_lag_it_takes_no_more_places_and_loses_none() -> None:
    loop = Loop(lag=0.4 * MAX_LAG)
    assert loop.settle(held=FIRST) == FIRST


def test_a_strained_loop_has_no_place_beside_the_calls_it_holds_and_cuts_none() -> None:
    loop = Loop()
    while loop.found.now < 40:
        loop.found.look(held=loop.found.now)
    loop.lag = 0.6 * MAX_LAG
    assert loop.settle(held=33) == 33
    assert loop.settle(held=35) == 33, "a call promised meanwhile adds no place"
    assert loop.settle(held=0) == 1, "it is never nothing: the worker must be tried again"


def test_what_it_learns_is_told_as_it_changes() -> None:
    async def course() -> None:
        loop, told = Loop(), list[int]()
        following = asyncio.ensure_future(loop.found.follow(lambda: FIRST, told.append))
        await asyncio.sleep(5.5 * LOOK_SECONDS)
        assert told == [FIRST + STEP, FIRST + 2 * STEP]
        following.cancel()

    run_virtual(course())


def test_admission_goes_by_the_places_there_are_now() -> None:
    held = FixedPlaces(2)
    admission = Admission(Limits(max_calls=2), lambda: 0.0, held)
    assert [admission.reserve(job) for job in ("a", "b")] == [None, None]
    assert admission.reserve("c") is RefusalReason.FULL
    held.now = 3
    assert admission.reserve("c") is None
    held.now = 1
    assert admission.load == TOP_LOAD, "more calls than places is full, not fuller than full"


def test_a_number_that_is_given_is_not_moved() -> None:
    assert isinstance(places(7, lambda: 0.0, MAX_LAG), FixedPlaces)
    assert places(7, lambda: 0.0, MAX_LAG).now == 7
    assert isinstance(places(None, lambda: 0.0, MAX_LAG), FoundPlaces)
