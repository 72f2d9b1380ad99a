"""Slots: never one too many, never lost."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.admission import TOP_LOAD, Admission, Limits, RefusalReason

NODE_LOAD_LIMIT = 0.7
"""livekit-server's target load: at or above it a worker is never asked (pkg/agent/config.go)."""


def test_the_last_slot_goes_to_one_of_two() -> None:
    admission = Admission(Limits(max_calls=1), lambda: 0.0)
    assert admission.reserve("J1") is None
    assert admission.reserve("J2") is RefusalReason.FULL


def test_released_slot_can_be_taken_again_and_only_once() -> None:
    admission = Admission(Limits(max_calls=1), lambda: 0.0)
    admission.reserve("J1")
    admission.release("J1")
    admission.release("J1")
    assert admission.reserve("J2") is None
    assert admission.reserve("J3") is RefusalReason.FULL


def test_strained_worker_refuses_new_calls_and_keeps_those_there_are() -> None:
    strain = 0.9
    admission = Admission(Limits(max_calls=5), lambda: strain)
    assert admission.reserve("J1") is None
    strain = 1.1
    assert admission.reserve("J2") is RefusalReason.LAGGING
    assert admission.held == 1


def test_draining_refuses_even_when_empty() -> None:
    admission = Admission(Limits(max_calls=5), lambda: 0.0)
    admission.draining = True
    assert admission.reserve("J1") is RefusalReason.DRAINING


def test_a_full_worker_is_still_asked_by_the_server() -> None:
    admission = Admission(Limits(max_calls=3), lambda: 0.0)
    for job in ("J1", "J2", "J3"):
        admission.reserve(job)
    assert admission.load == TOP_LOAD
    assert admission.load < NODE_LOAD_LIMIT


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef"))), st.integers(1, 4))
def test_never_more_calls_than_slots(steps: list[tuple[bool, str]], slots: int) -> None:
    admission = Admission(Limits(max_calls=slots), lambda: 0.0)
    held: set[str] = set()
    for reserve, job in steps:
        if reserve:
            if admission.reserve(job) is None:
                held.add(job)
        else:
            admission.release(job)
            held.discard(job)
        assert admission.held == len(held) <= slots
        assert 0.0 <= admission.load <= TOP_LOAD


async def test_no_more_rooms_are_joined_at_once_than_allowed() -> None:
    admission = Admission(Limits(max_calls=9, max_joins=2), lambda: 0.0)
    inside = 0
    most = 0

    async def join() -> None:
        nonlocal inside, most
        async with admission.joining():
            inside += 1
            most = max(most, inside)
            for _ in range(3):
                await asyncio.sleep(0)
            inside -= 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(7):
            tasks.create_task(join())
    assert most == 2
