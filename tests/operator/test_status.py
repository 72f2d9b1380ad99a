"""Conditions: what comes first is what to fix first, and times move only with the status."""

import dataclasses

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import Condition, Reason
from switchboard_operator.accept import Refusal
from switchboard_operator.errors import LiveKitUnreachableError
from switchboard_operator.sip.bind import Binding
from switchboard_operator.status import Observation, agent_status

_NUMBERS = ("+15550100",)
_SERVED = Observation(
    generation=3,
    pool="n.a",
    tenant="t",
    refusal=None,
    suspended=False,
    revision="0123456789",
    wanted_numbers=_NUMBERS,
    binding=Binding("ST_1", "SDR_1", _NUMBERS),
    sip_error=None,
    deployment={
        "metadata": {"name": "a-worker"},
        "status": {"replicas": 2, "readyReplicas": 1},
    },
    children_error=None,
    active_calls=4,
)


def _conditions(seen: Observation, before: list[Condition] | None = None) -> dict[str, Condition]:
    return {c.type: c for c in agent_status(seen, before or [], "now").conditions}


def test_a_served_agent_is_ready_with_its_counts() -> None:
    status = agent_status(_SERVED, [], "now")
    assert [c.status for c in status.conditions] == [ConditionStatus.TRUE] * 5
    assert (status.workers, status.ready_workers, status.active_calls) == (2, 1, 4)
    assert status.selector == "switchboard.dev/pool=n.a"


def test_every_condition_speaks_of_the_generation_that_was_looked_at() -> None:
    assert {c.observed_generation for c in _conditions(_SERVED).values()} == {3}


def test_ready_takes_the_first_reason() -> None:
    broken = dataclasses.replace(
        _SERVED, sip_error=LiveKitUnreachableError("LiveKit is away"), deployment=None
    )
    found = _conditions(broken)
    assert found["Ready"].reason == found["SIPReady"].reason == Reason.LIVEKIT_UNREACHABLE
    assert found["NumbersBound"].status is ConditionStatus.UNKNOWN
    assert found["WorkersReady"].status is ConditionStatus.FALSE


def test_a_refused_change_of_a_serving_agent_says_what_stays() -> None:
    refused = dataclasses.replace(
        _SERVED, refusal=Refusal(Reason.DIALOG_INVALID, "dialog.x: wrong"), wanted_numbers=()
    )
    found = _conditions(refused)
    assert found["Ready"].reason == Reason.DIALOG_INVALID
    assert found["SIPReady"].status is ConditionStatus.TRUE
    assert found["NumbersBound"].message == "still bound from before: +15550100; see Accepted"


def test_a_deployment_that_cannot_make_pods_says_why() -> None:
    trouble = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    stuck = dataclasses.replace(
        _SERVED,
        deployment={"metadata": {"name": "a-worker"}, "status": {"conditions": [trouble]}},
    )
    found = _conditions(stuck)["Ready"]
    assert found.reason == Reason.WORKERS_FAILING
    assert "exceeded quota" in found.message


def test_times_move_only_when_the_status_does() -> None:
    before = list(_conditions(_SERVED).values())
    later = agent_status(dataclasses.replace(_SERVED, deployment=None), before, "later")
    times = {c.type: c.last_transition_time for c in later.conditions}
    assert times["Accepted"] == "now"
    assert times["Ready"] == "later"
