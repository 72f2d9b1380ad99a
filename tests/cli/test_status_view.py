"""What `switchboard status` says of a VoiceAgent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchboard_cli import status_view
from switchboard_cli.cluster.ages import age

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-03-01T11:58:30Z",
    }


def _agent(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "metadata": {
            "name": "desk",
            "namespace": "clinic",
            "generation": 2,
            "creationTimestamp": "2026-02-28T12:00:00Z",
        },
        "spec": {"numbers": ["+15550100", "+15550101"], "scaling": {"callsPerWorker": 10}},
        "status": {"conditions": list(conditions), **status} if status or conditions else {},
    }


_SERVED = _agent(
    _condition("Accepted", "True", "Accepted", "accepted as an agent of Tenant clinic"),
    _condition("Ready", "True", "Ready", "can take a call now"),
    observedGeneration=2,
    tenant="clinic",
    numbers=["+15550100"],
    activeCalls=4,
    workers=3,
    readyWorkers=2,
    revision="0123456789",
    pinnedRevision="0123456789",
    specRevision="ffffffffff",
    selector="switchboard.dev/pool=clinic.desk",
    trunkId="ST_1",
    lastProbe={"time": "2026-03-01T11:50:00Z", "result": "Answered", "greetingMs": 310},
    modelServers=[
        {"name": "chat", "engine": "vllm", "model": "m", "url": "http://m", "ready": True}
    ],
    outboundTrunks=[{"name": "carrier", "trunkId": "ST_9"}],
)


def test_a_table_has_a_line_for_each_agent_and_the_remedy_of_each_that_is_not_ready() -> None:
    broken = _agent(_condition("Ready", "False", "DialogNotFound", "create ConfigMap script"))
    views = [status_view.view(_SERVED), status_view.view(broken), status_view.view(_agent())]
    lines = status_view.overview(views, _NOW, namespaces=True).splitlines()
    assert lines[0].split()[:4] == ["NAMESPACE", "NAME", "READY", "REASON"]
    assert "4/20" in lines[1]
    assert "2/3" in lines[1]
    assert "0123456789 (pinned)" in lines[1]
    assert lines[-2:] == [
        "clinic/desk: create ConfigMap script",
        "clinic/desk: the operator has not seen it yet: does it run?",
    ]


def test_the_detail_of_one_agent_is_complete() -> None:
    event = {
        "metadata": {},
        "type": "Warning",
        "reason": "NumberTaken",
        "message": "remove it",
        "lastTimestamp": "2026-03-01T11:59:00Z",
        "count": 3,
    }
    text = status_view.detail(status_view.view(_SERVED), [event], _NOW)
    assert "VoiceAgent clinic/desk: can take a call now" in text
    assert "not bound: +15550101" in text
    assert "4 of 20" in text
    assert "0123456789 (pinned, the spec compiles to ffffffffff)" in text
    assert "+ Accepted           90s  Accepted: accepted as" in text
    assert "Last probe  Answered, greeting after 310 ms (10m ago)" in text
    assert "Model       chat (vllm m): ready, http://m" in text
    assert "Outbound trunks" in text
    assert "name carrier, trunk id ST_9" in text
    assert "60s  Warning NumberTaken (x3): remove it" in text


def test_a_tenant_is_shown_with_its_name_for_people() -> None:
    named = replace(status_view.view(_SERVED), tenant_display_name="Clinic of Smiles")
    assert "Tenant      clinic (Clinic of Smiles)" in status_view.detail(named, [], _NOW)
    assert "Tenant      clinic\n" in status_view.detail(status_view.view(_SERVED), [], _NOW)


def test_a_status_of_an_older_generation_is_said_to_be_one() -> None:
    old = {**_SERVED, "status": {**_SERVED["status"], "observedGeneration": 1}}
    text = status_view.detail(status_view.view(old), [], _NOW)
    assert "has not yet looked at the latest change" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (42, "42s"),
        (119, "119s"),
        (190, "3m10s"),
        (3000, "50m"),
        (11_580, "3h13m"),
        (200_000, "2d7h"),
    ],
)
def test_ages_are_written_as_kubectl_does(seconds: int, text: str) -> None:
    since = (_NOW - timedelta(seconds=seconds)).isoformat()
    assert age(since, _NOW) == text


def test_the_workers_own_word_on_their_capacity_counts() -> None:
    said = {**_SERVED, "status": {**_SERVED["status"], "capacity": 7}}
    assert status_view.view(said).capacity == 7


def test_a_capacity_that_workers_find_out_is_theirs_to_tell() -> None:
    auto = {**_SERVED, "spec": {**_SERVED["spec"], "scaling": {"callsPerWorker": "auto"}}}
    assert status_view.view(auto).capacity == 0
