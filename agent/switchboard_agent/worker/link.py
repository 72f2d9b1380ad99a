"""The seam between a worker and the server that offers it jobs."""

from collections.abc import Callable
from typing import Protocol

from switchboard_agent.worker.events import WorkerEvent
from switchboard_agent.worker.protocol import WorkerStatus


class ServerLink(Protocol):
    """The worker's connection to the server; `WorkerConnection` is the real one."""

    @property
    def registered(self) -> bool:
        """Whether the server may offer jobs."""

    @property
    def hears_server(self) -> bool:
        """Whether the server can be reached this moment."""

    async def run(self) -> None:
        """Stay connected until cancelled."""

    def accept(self, job_id: str, identity: str) -> bool:
        """Take an offered job; False if the offer is not open any more."""

    def decline(self, job_id: str, *, for_all: bool) -> None:
        """Do not take an offered job."""

    def job_running(self, job_id: str) -> None:
        """The job has started."""

    def job_ended(self, job_id: str, error: str = "") -> None:
        """The job is over."""

    def set_status(self, status: WorkerStatus) -> None:
        """The worker's load changed."""


Connect = Callable[[Callable[[WorkerEvent], None]], ServerLink]
"""Makes the link; events go to the callable given."""
