"""What the LiveKit server tells a worker, as plain values."""

from dataclasses import dataclass


class WorkerProtocolError(Exception):
    """The server broke the worker protocol; the connection is of no use any more."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Registered:
    """The server knows this worker and may offer jobs."""

    worker_id: str
    server_version: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The server asks whether this worker takes a job. It waits 10 s for the answer."""

    job_id: str
    room: str
    metadata: str
    """`DispatchMetadata` as JSON, or whatever the dispatch rule holds."""


@dataclass(frozen=True, slots=True)
class OfferLapsed:
    """An accepted job was not assigned: the slot held for it is free again."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """The job is ours; the token opens its room."""

    job_id: str
    room: str
    token: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """The server ended a job: its dispatch was deleted or its room closed."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The connection must be closed and made again."""

    error: WorkerProtocolError


WorkerEvent = Registered | Offered | OfferLapsed | Assigned | Terminated | Failed
