"""How many calls a worker takes: what it was given, or what it keeps up with."""

import asyncio

from switchboard_agent.admission import TOP_LOAD, Admission, Limits, RefusalReason
from switchboard_agent.places import FIRST, LOOK_SECONDS, STEP, FixedPlaces, FoundPlaces, places
from switchboard_contract.crd.scaling import MOST_CALLS_PER_WORKER
from tests.support.virtual_time import run_virtual


class Worker:
    """A worker whose strain a test sets."""

    def __init__(self, strain: float = 0.0) -> None:
        self.strain = strain
        self.found = FoundPlaces(lambda: self.strain, MOST_CALLS_PER_WORKER)

    def settle(self, held: int, looks: int = 500) -> int:
        for _ in range(looks):
            self.found.look(held)
        return self.found.now


def test_a_worker_begins_small_and_stays_so_while_few_call() -> None:
    assert Worker().settle(held=FIRST - STEP - 1) == FIRST


def test_it_grows_while_it_is_nearly_full_and_its_loop_in_time_and_no_further_than_the_most() -> (
    None
):
    worker = Worker()
    for _ in range(1000):
        worker.found.look(held=worker.found.now)
    assert worker.found.now == MOST_CALLS_PER_WORKER


def test_with_some_strain_it_takes_no_more_places_and_loses_none() -> None:
    worker = Worker(strain=0.4)
    assert worker.settle(held=FIRST) == FIRST


def test_a_strained_worker_has_no_place_beside_the_calls_it_holds_and_cuts_none() -> None:
    worker = Worker()
    while worker.found.now < 40:
        worker.found.look(held=worker.found.now)
    worker.strain = 0.6
    assert worker.settle(held=33) == 33
    assert worker.settle(held=35) == 33, "a call promised meanwhile adds no place"
    assert worker.settle(held=0) == 1, "it is never nothing: the worker must be tried again"


def test_what_it_learns_is_told_as_it_changes() -> None:
    async def course() -> None:
        worker, told = Worker(), list[int]()
        following = asyncio.ensure_future(worker.found.follow(lambda: FIRST, told.append))
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
    assert isinstance(places(7, lambda: 0.0), FixedPlaces)
    assert places(7, lambda: 0.0).now == 7
    assert isinstance(places(None, lambda: 0.0), FoundPlaces)
