"""The LiveKit agent worker protocol without input or output.

The shape is that of a sans-I/O protocol: bytes that came in go to `receive`, the clock goes to
`tick`, both give events; methods called meanwhile leave bytes in `data_to_send`. The owner moves
the bytes. One object serves one connection; a reconnect makes a new one.

    NEW --start--> REGISTERING --register response--> REGISTERED
         any state --garbage, silence, no answer--> FAILED (close and make a new one)

Accepting an offer is a promise: until the assignment comes (the server sends it within
milliseconds) or `ASSIGNMENT_SECONDS` have gone by, the job is *awaited* and a slot is held for it.
"""

from dataclasses import dataclass
from enum import Enum, auto

from google.protobuf.message import DecodeError
from livekit.protocol import agent as pb
from livekit.protocol import models

from switchboard_agent.worker.events import (
    Assigned,
    Failed,
    Offered,
    OfferLapsed,
    Registered,
    Terminated,
    WorkerEvent,
    WorkerProtocolError,
)

REGISTER_SECONDS = 10.0
"""The server itself gives up after the same time."""

ASSIGNMENT_SECONDS = 7.5
STATUS_SECONDS = 2.5
PING_SECONDS = 0.2
"""Often enough to notice within a breath that the server cannot be reached: then the calls of this
worker cannot be heard either, and its peers had better take them."""

HEARING_SECONDS = 0.45
"""Pings unanswered for so long: the server is out of reach now. The connection is kept."""

SILENCE_SECONDS = 30.0
"""Pings unanswered for this long: the connection is dead without having been closed."""


class State(Enum):
    """Where a connection stands."""

    NEW = auto()
    REGISTERING = auto()
    REGISTERED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Registration:
    """Who this worker is."""

    agent_name: str
    version: str


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What the server should think of this worker when it places a job."""

    load: float = 0.0
    """As the server weighs it: from 0.7 on it offers nothing more (see `admission.TOP_LOAD`)."""
    jobs: int = 0
    draining: bool = False
    """Take no new jobs: reported as FULL."""


class WorkerProtocol:
    """One connection's state."""

    def __init__(self, registration: Registration, status: WorkerStatus) -> None:
        self.state = State.NEW
        self._registration = registration
        self._status = status
        self._outgoing: list[bytes] = []
        self._offered: set[str] = set()
        self._awaited: dict[str, float] = {}
        self._register_deadline = 0.0
        self._next_status = 0.0
        self._next_ping = 0.0
        self._last_heard = 0.0

    # --- in ---------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """The connection is open: register."""
        self.state = State.REGISTERING
        self._register_deadline = now + REGISTER_SECONDS
        self._send(
            pb.WorkerMessage(
                register=pb.RegisterWorkerRequest(
                    type=pb.JobType.JT_ROOM,
                    agent_name=self._registration.agent_name,
                    version=self._registration.version,
                    allowed_permissions=models.ParticipantPermission(
                        can_publish=True, can_subscribe=True, can_publish_data=True, agent=True
                    ),
                )
            )
        )

    def receive(self, data: bytes, now: float) -> list[WorkerEvent]:
        """One message of the server."""
        if self.state in {State.NEW, State.FAILED}:
            return []
        try:
            message = pb.ServerMessage.FromString(data)
        except DecodeError:
            return self._fail(
                f"the server sent {len(data)} bytes that are no worker message",
                "check that SWITCHBOARD_LIVEKIT_URL names a LiveKit server and no proxy alters it",
            )
        self._last_heard = now
        return self._dispatch(message, now)

    def _dispatch(self, message: pb.ServerMessage, now: float) -> list[WorkerEvent]:
        match message.WhichOneof("message"):
            case "register":
                return self._on_registered(message.register, now)
            case "availability":
                return self._on_offer(message.availability.job)
            case "assignment":
                return self._on_assignment(message.assignment)
            case "termination":
                return [Terminated(message.termination.job_id)]
            case "go_away":
                return self._fail(
                    f"the server is going away: {message.go_away.reason}", "another one takes over"
                )
            case _:  # a pong, or a message newer than this worker
                return []

    def tick(self, now: float) -> list[WorkerEvent]:
        """Time has passed: send what is due, give up what is overdue. Call it at `deadline`."""
        if self.state is State.REGISTERING and now >= self._register_deadline:
            return self._fail(
                f"no answer to registration in {REGISTER_SECONDS:.0f} s",
                "check the LiveKit server's log",
            )
        if self.state is not State.REGISTERED:
            return []
        if now - self._last_heard >= SILENCE_SECONDS:
            return self._fail(f"the server was silent for {SILENCE_SECONDS:.0f} s", "reconnecting")
        if now >= self._next_ping:
            self._next_ping = now + PING_SECONDS
            self._send(pb.WorkerMessage(ping=pb.WorkerPing(timestamp=int(now * 1000))))
        if now >= self._next_status:
            self._send_status(now)
        lapsed = [job for job, deadline in self._awaited.items() if now >= deadline]
        for job in lapsed:
            del self._awaited[job]
        return [OfferLapsed(job) for job in lapsed]

    def connection_lost(self) -> list[WorkerEvent]:
        """The connection is gone: what was promised on it will not come."""
        self.state = State.FAILED
        self._outgoing.clear()
        self._offered.clear()
        lapsed: list[WorkerEvent] = [OfferLapsed(job) for job in self._awaited]
        self._awaited.clear()
        return lapsed

    # --- out --------------------------------------------------------------------------------

    def accept(self, job_id: str, identity: str, now: float) -> bool:
        """Take an offered job. False if the offer is not open (any more)."""
        if not self._answer(job_id):
            return False
        self._awaited[job_id] = now + ASSIGNMENT_SECONDS
        self._send(
            pb.WorkerMessage(
                availability=pb.AvailabilityResponse(
                    job_id=job_id,
                    available=True,
                    participant_identity=identity,
                    participant_name=self._registration.agent_name,
                )
            )
        )
        return True

    def decline(self, job_id: str, *, for_all: bool) -> None:
        """Do not take an offered job; `for_all`: no other worker should either."""
        if self._answer(job_id):
            self._send(
                pb.WorkerMessage(
                    availability=pb.AvailabilityResponse(
                        job_id=job_id, available=False, terminate=for_all
                    )
                )
            )

    def job_running(self, job_id: str) -> None:
        """Tell that the job has started."""
        self._report(job_id, pb.JobStatus.JS_RUNNING, "")

    def job_ended(self, job_id: str, error: str = "") -> None:
        """Tell that the job is over; `error` says why it failed."""
        status = pb.JobStatus.JS_FAILED if error else pb.JobStatus.JS_SUCCESS
        self._report(job_id, status, error)

    def set_status(self, status: WorkerStatus, now: float) -> None:
        """The worker's load changed: the server hears of it at once."""
        changed = status != self._status
        self._status = status
        if changed and self.state is State.REGISTERED:
            self._send_status(now)

    def data_to_send(self) -> list[bytes]:
        """Messages to put on the wire, oldest first."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def hears(self, now: float) -> bool:
        """Whether the server has just been heard."""
        return self.state is State.REGISTERED and now - self._last_heard < HEARING_SECONDS

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do; None if nothing is due."""
        match self.state:
            case State.REGISTERING:
                return self._register_deadline
            case State.REGISTERED:
                return min(
                    self._next_ping,
                    self._next_status,
                    self._last_heard + SILENCE_SECONDS,
                    *self._awaited.values(),
                )
            case _:
                return None

    # --- inside -----------------------------------------------------------------------------

    def _on_registered(self, response: pb.RegisterWorkerResponse, now: float) -> list[WorkerEvent]:
        if self.state is State.REGISTERED:
            return []
        self.state = State.REGISTERED
        self._next_ping = now + PING_SECONDS
        self._send_status(now)
        return [Registered(response.worker_id, response.server_info.version)]

    def _on_offer(self, job: pb.Job) -> list[WorkerEvent]:
        if self.state is not State.REGISTERED or job.id in self._offered or job.id in self._awaited:
            return []
        self._offered.add(job.id)
        return [Offered(job.id, job.room.name, job.metadata)]

    def _on_assignment(self, assignment: pb.JobAssignment) -> list[WorkerEvent]:
        job = assignment.job
        if self._awaited.pop(job.id, None) is None:
            # No slot is held for it (any more): say so, or the caller would wait for ever.
            self.job_ended(job.id, error="assigned after the offer had lapsed")
            return []
        return [Assigned(job.id, job.room.name, assignment.token)]

    def _answer(self, job_id: str) -> bool:
        if job_id not in self._offered:
            return False
        self._offered.discard(job_id)
        return True

    def _send_status(self, now: float) -> None:
        self._next_status = now + STATUS_SECONDS
        full = self._status.draining
        self._send(
            pb.WorkerMessage(
                update_worker=pb.UpdateWorkerStatus(
                    status=pb.WorkerStatus.WS_FULL if full else pb.WorkerStatus.WS_AVAILABLE,
                    load=self._status.load,
                    job_count=self._status.jobs,
                    draining=self._status.draining,
                )
            )
        )

    def _report(self, job_id: str, status: pb.JobStatus, error: str) -> None:
        if self.state is State.REGISTERED:
            self._send(
                pb.WorkerMessage(
                    update_job=pb.UpdateJobStatus(job_id=job_id, status=status, error=error)
                )
            )

    def _send(self, message: pb.WorkerMessage) -> None:
        self._outgoing.append(message.SerializeToString())

    def _fail(self, reason: str, remedy: str) -> list[WorkerEvent]:
        lapsed = self.connection_lost()
        return [*lapsed, Failed(WorkerProtocolError(reason, remedy))]
