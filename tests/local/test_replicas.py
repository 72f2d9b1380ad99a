"""Worker processes in place of pods: how many, of which template, and what is reported."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from switchboard_local.processes.replicas import Replica, decide, deployment_status

NEW, OLD = "new", "old"


def replica(
    name: str, template: str = NEW, *, ready: bool = True, leaving: bool = False
) -> Replica:
    return Replica(name, template, ready, leaving)


def test_missing_processes_are_started() -> None:
    assert decide([], wanted=2, template=NEW).start == 2


def test_an_outdated_process_stays_until_the_new_one_is_ready() -> None:
    running = [replica("a", OLD), replica("b", NEW, ready=False)]
    assert decide(running, wanted=1, template=NEW).leave == ()
    running[1] = replica("b", NEW)
    assert decide(running, wanted=1, template=NEW).leave == ("a",)


def test_scaling_down_loses_those_that_are_not_ready_first() -> None:
    running = [replica("a"), replica("b", ready=False)]
    assert decide(running, wanted=1, template=NEW).leave == ("b",)


def test_a_process_that_is_leaving_counts_no_longer() -> None:
    assert decide([replica("a", leaving=True)], wanted=1, template=NEW).start == 1


def test_a_deployment_scaled_to_nothing_ends_all() -> None:
    assert decide([replica("a"), replica("b", OLD)], wanted=0, template=NEW).leave == ("a", "b")


@given(
    start=st.lists(st.tuples(st.sampled_from([NEW, OLD]), st.booleans()), max_size=6),
    wanted=st.integers(0, 4),
)
def test_following_the_decisions_ends_with_what_was_asked_for(
    start: list[tuple[str, bool]], wanted: int
) -> None:
    running = [replica(f"s{n}", kind, ready=ready) for n, (kind, ready) in enumerate(start)]
    for step in range(4):
        decision = decide(running, wanted=wanted, template=NEW)
        running = [one for one in running if one.name not in decision.leave]
        running = [dataclasses.replace(one, ready=True) for one in running]
        running += [replica(f"n{step}-{n}", ready=False) for n in range(decision.start)]
    assert len(running) == wanted
    assert all(one.template == NEW and one.ready for one in running)


def test_the_status_says_available_only_when_enough_are_ready() -> None:
    one = deployment_status([replica("a")], wanted=2, template=NEW, generation=3)
    two = deployment_status([replica("a"), replica("b")], wanted=2, template=NEW, generation=3)
    assert one["conditions"][0]["status"] == "False"
    assert two["conditions"][0]["status"] == "True"
    assert (two["observedGeneration"], two["readyReplicas"], two["updatedReplicas"]) == (3, 2, 2)


def test_a_worker_that_cannot_be_started_fails_the_deployment_for_its_reason() -> None:
    status = deployment_status([], wanted=1, template=NEW, generation=1, problem="no such Secret")
    failure = status["conditions"][-1]
    assert (failure["type"], failure["message"]) == ("ReplicaFailure", "no such Secret")
    healthy = deployment_status([], wanted=1, template=NEW, generation=1)
    assert all(one["type"] != "ReplicaFailure" for one in healthy["conditions"])
