"""What the worker says to the server, and what it makes of the server's words."""

import pytest
from livekit.protocol import agent as pb

from switchboard_agent.worker.events import (
    Assigned,
    Failed,
    Offered,
    OfferLapsed,
    Registered,
    Terminated,
)
from switchboard_agent.worker.protocol import (
    ASSIGNMENT_SECONDS,
    HEARING_SECONDS,
    PING_SECONDS,
    REGISTER_SECONDS,
    SILENCE_SECONDS,
    STATUS_SECONDS,
    Registration,
    State,
    WorkerProtocol,
    WorkerStatus,
)


def offer(job: str) -> bytes:
    return pb.ServerMessage(
        availability=pb.AvailabilityRequest(
            job=pb.Job(id=job, room={"name": f"room-of-{job}"}, metadata="meta")
        )
    ).SerializeToString()


def assignment(job: str) -> bytes:
    return pb.ServerMessage(
        assignment=pb.JobAssignment(
            job=pb.Job(id=job, room={"name": f"room-of-{job}"}), token="token"
        )
    ).SerializeToString()


def registered() -> bytes:
    return pb.ServerMessage(
        register=pb.RegisterWorkerResponse(worker_id="AW_1", server_info={"version": "1.13.5"})
    ).SerializeToString()


def sent(protocol: WorkerProtocol) -> list[pb.WorkerMessage]:
    return [pb.WorkerMessage.FromString(data) for data in protocol.data_to_send()]


def kinds(protocol: WorkerProtocol) -> list[str | None]:
    return [message.WhichOneof("message") for message in sent(protocol)]


def registered_protocol() -> WorkerProtocol:
    protocol = WorkerProtocol(Registration("ns.agent", "1.0"), WorkerStatus())
    protocol.start(now=0.0)
    protocol.receive(registered(), now=0.0)
    protocol.data_to_send()
    return protocol


def test_registers_under_its_pool_with_leave_to_speak_and_listen() -> None:
    protocol = WorkerProtocol(Registration("ns.agent", "1.0"), WorkerStatus())
    protocol.start(now=0.0)

    (message,) = sent(protocol)
    assert message.register.agent_name == "ns.agent"
    assert message.register.type == pb.JobType.JT_ROOM
    permissions = message.register.allowed_permissions
    assert permissions.can_publish
    assert permissions.can_subscribe
    assert permissions.agent


def test_reports_its_status_as_soon_as_it_is_registered() -> None:
    protocol = WorkerProtocol(Registration("ns.agent", "1.0"), WorkerStatus(load=0.3, jobs=4))
    protocol.start(now=0.0)
    protocol.data_to_send()

    assert protocol.receive(registered(), now=0.1) == [Registered("AW_1", "1.13.5")]
    (message,) = sent(protocol)
    assert message.update_worker.status == pb.WorkerStatus.WS_AVAILABLE
    assert message.update_worker.job_count == 4


def test_offer_accept_assignment_is_one_job() -> None:
    protocol = registered_protocol()

    assert protocol.receive(offer("J1"), now=1.0) == [Offered("J1", "room-of-J1", "meta")]
    assert protocol.accept("J1", "agent-J1", now=1.0)
    (message,) = sent(protocol)
    assert message.availability.available
    assert message.availability.participant_identity == "agent-J1"
    assert protocol.receive(assignment("J1"), now=1.1) == [Assigned("J1", "room-of-J1", "token")]


def test_decline_for_all_tells_the_server_to_ask_nobody_else() -> None:
    protocol = registered_protocol()
    protocol.receive(offer("J1"), now=1.0)
    protocol.decline("J1", for_all=True)

    (message,) = sent(protocol)
    assert not message.availability.available
    assert message.availability.terminate


def test_accepted_job_that_is_never_assigned_lapses() -> None:
    protocol = registered_protocol()
    protocol.receive(offer("J1"), now=1.0)
    protocol.accept("J1", "agent-J1", now=1.0)

    assert protocol.tick(1.0 + ASSIGNMENT_SECONDS - 0.1) == []
    assert protocol.tick(1.0 + ASSIGNMENT_SECONDS) == [OfferLapsed("J1")]


def test_assignment_after_the_lapse_is_reported_as_failed_not_served() -> None:
    protocol = registered_protocol()
    protocol.receive(offer("J1"), now=1.0)
    protocol.accept("J1", "agent-J1", now=1.0)
    protocol.tick(20.0)
    protocol.data_to_send()

    assert protocol.receive(assignment("J1"), now=20.1) == []
    (message,) = sent(protocol)
    assert message.update_job.status == pb.JobStatus.JS_FAILED


def test_connection_lost_gives_back_every_promised_job() -> None:
    protocol = registered_protocol()
    for job in ("J1", "J2"):
        protocol.receive(offer(job), now=1.0)
        protocol.accept(job, f"agent-{job}", now=1.0)
    protocol.receive(assignment("J1"), now=1.0)

    assert protocol.connection_lost() == [OfferLapsed("J2")]
    assert protocol.data_to_send() == []


def test_draining_worker_is_full() -> None:
    protocol = registered_protocol()
    protocol.set_status(WorkerStatus(load=0.1, jobs=1, draining=True), now=1.0)

    (message,) = sent(protocol)
    assert message.update_worker.status == pb.WorkerStatus.WS_FULL


def test_status_is_sent_every_two_and_a_half_seconds_and_pings_five_times_a_second() -> None:
    protocol = registered_protocol()
    now, messages = 0.0, []
    while now < 2 * STATUS_SECONDS - 0.01:
        assert protocol.deadline is not None
        now = protocol.deadline
        protocol.tick(now)
        messages += kinds(protocol)

    assert messages.count("update_worker") == 2
    assert messages.count("ping") == pytest.approx(2 * STATUS_SECONDS / PING_SECONDS, abs=1)


def test_a_server_that_answers_no_ping_is_not_heard_though_the_connection_stands() -> None:
    protocol = registered_protocol()
    pong = pb.ServerMessage(pong=pb.WorkerPong()).SerializeToString()
    protocol.receive(pong, now=2.0)
    assert protocol.hears(2.0 + PING_SECONDS)
    assert not protocol.hears(2.0 + HEARING_SECONDS)
    assert protocol.state is State.REGISTERED
    protocol.receive(pong, now=3.0)
    assert protocol.hears(3.0)
    protocol.connection_lost()
    assert not protocol.hears(3.0)


def test_termination_names_the_job() -> None:
    data = pb.ServerMessage(termination=pb.JobTermination(job_id="J1")).SerializeToString()
    assert registered_protocol().receive(data, now=1.0) == [Terminated("J1")]


def test_garbage_fails_the_connection_with_reason_and_remedy() -> None:
    protocol = registered_protocol()
    (event,) = protocol.receive(b"\xff\xff\xff\xff", now=1.0)

    assert isinstance(event, Failed)
    assert "4 bytes" in event.error.reason
    assert "SWITCHBOARD_LIVEKIT_URL" in event.error.remedy
    assert protocol.state is State.FAILED


def test_unanswered_registration_fails_after_ten_seconds() -> None:
    protocol = WorkerProtocol(Registration("ns.agent", "1.0"), WorkerStatus())
    protocol.start(now=5.0)

    assert protocol.tick(5.0 + REGISTER_SECONDS - 0.1) == []
    (event,) = protocol.tick(5.0 + REGISTER_SECONDS)
    assert isinstance(event, Failed)


def test_half_open_connection_is_found_by_silence() -> None:
    protocol = registered_protocol()
    protocol.receive(pb.ServerMessage(pong=pb.WorkerPong()).SerializeToString(), now=12.0)

    assert protocol.tick(12.0 + SILENCE_SECONDS - 0.1) == []
    (event,) = protocol.tick(12.0 + SILENCE_SECONDS)
    assert isinstance(event, Failed)


def test_the_same_offer_twice_is_asked_once() -> None:
    protocol = registered_protocol()
    assert protocol.receive(offer("J1"), now=1.0) != []
    assert protocol.receive(offer("J1"), now=1.0) == []


def test_message_of_a_newer_server_is_no_error() -> None:
    unknown_field = b"\xf2\x07\x02hi"  # field 126, two bytes
    protocol = registered_protocol()
    assert protocol.receive(unknown_field, now=1.0) == []
    assert protocol.state is State.REGISTERED
