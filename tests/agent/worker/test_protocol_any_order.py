"""Whatever the server sends, in whatever order: promises are kept and nothing is raised."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switchboard_agent.worker.events import (
    Assigned,
    Offered,
    OfferLapsed,
    WorkerEvent,
)
from switchboard_agent.worker.protocol import (
    ASSIGNMENT_SECONDS,
    Registration,
    State,
    WorkerProtocol,
    WorkerStatus,
)
from tests.agent.worker.test_protocol import assignment, offer, registered, sent

JOBS = st.sampled_from(["J1", "J2", "J3"])


class AnyOrder(RuleBasedStateMachine):
    """A server that says anything, a clock that jumps, a worker that answers at will."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.open_offers: set[str] = set()
        self.slots: dict[str, float] = {}
        self.protocol = WorkerProtocol(Registration("ns.agent", "1"), WorkerStatus())
        self.protocol.start(self.now)

    def note(self, events: list[WorkerEvent]) -> None:
        for event in events:
            match event:
                case Offered(job_id=job):
                    assert job not in self.slots, "offered again while promised"
                    self.open_offers.add(job)
                case Assigned(job_id=job) | OfferLapsed(job_id=job):
                    assert job in self.slots, "a job without a slot"
                    del self.slots[job]
                case _:
                    pass
        if self.protocol.state is State.FAILED:
            self.open_offers.clear()

    @rule(job=JOBS)
    def server_offers(self, job: str) -> None:
        self.note(self.protocol.receive(offer(job), self.now))

    @rule(job=JOBS)
    def server_assigns(self, job: str) -> None:
        self.note(self.protocol.receive(assignment(job), self.now))

    @rule()
    def server_registers(self) -> None:
        self.note(self.protocol.receive(registered(), self.now))

    @rule(data=st.binary(max_size=40))
    def server_sends_bytes(self, data: bytes) -> None:
        self.note(self.protocol.receive(data, self.now))

    @rule(job=JOBS)
    def worker_accepts(self, job: str) -> None:
        accepted = self.protocol.accept(job, f"agent-{job}", self.now)
        assert accepted == (job in self.open_offers)
        if accepted:
            self.open_offers.discard(job)
            self.slots[job] = self.now

    @rule(job=JOBS, for_all=st.booleans())
    def worker_declines(self, job: str, for_all: bool) -> None:
        self.protocol.decline(job, for_all=for_all)
        self.open_offers.discard(job)

    @rule(seconds=st.floats(min_value=0.0, max_value=12.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.note(self.protocol.tick(self.now))

    @rule()
    def connection_is_lost_and_made_again(self) -> None:
        self.note(self.protocol.connection_lost())
        assert not self.slots, "a promise outlived its connection"
        self.protocol = WorkerProtocol(Registration("ns.agent", "1"), WorkerStatus())
        self.protocol.start(self.now)

    @invariant()
    def every_message_can_be_read(self) -> None:
        for message in sent(self.protocol):
            assert message.WhichOneof("message") is not None

    @invariant()
    def no_slot_is_held_for_ever(self) -> None:
        deadline = self.protocol.deadline
        for since in self.slots.values():
            assert deadline is not None
            assert deadline <= since + ASSIGNMENT_SECONDS


TestAnyOrder = AnyOrder.TestCase
