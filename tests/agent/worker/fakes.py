"""A LiveKit server, rooms and an engine that a test speaks for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from switchboard_agent.admission import Admission, Limits, RefusalReason
from switchboard_agent.recovery.base import Handover
from switchboard_agent.recovery.rescue import RescueParts
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.transport.base import CallInfo, CallTransport, Listener, Pcm, Transferred
from switchboard_agent.transport.livekit.control import Occupants
from switchboard_agent.transport.livekit.room import RoomError
from switchboard_agent.transport.livekit.transport import CallTicket
from switchboard_agent.worker.events import Assigned, Offered, WorkerEvent
from switchboard_agent.worker.protocol import WorkerStatus
from switchboard_agent.worker.service import Worker, WorkerParts
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.call_events import Outcome, TransferResult
from tests.agent.live.configs import agent_config, dispatch_metadata
from tests.agent.probe.fakes import FakeProbes


class FakeLink:
    """A connection that writes down what the worker says."""

    def __init__(self, on_event: Callable[[WorkerEvent], None]) -> None:
        self.emit = on_event
        self.said: list[str] = []
        self.status = WorkerStatus()
        self.open_offers: set[str] = set()
        self.registered = True
        self.hears_server = True

    async def run(self) -> None:
        await asyncio.Event().wait()

    def offer(self, job: str, metadata: str) -> None:
        self.open_offers.add(job)
        self.emit(Offered(job, f"room-{job}", metadata))

    def assign(self, job: str) -> None:
        self.emit(Assigned(job, f"room-{job}", "token"))

    def accept(self, job_id: str, identity: str) -> bool:
        if job_id not in self.open_offers:
            return False
        self.said.append(f"accept {job_id} as {identity}")
        return True

    def decline(self, job_id: str, *, for_all: bool) -> None:
        self.said.append(f"decline {job_id}{' for all' if for_all else ''}")

    def job_running(self, job_id: str) -> None:
        self.said.append(f"running {job_id}")

    def job_ended(self, job_id: str, error: str = "") -> None:
        self.said.append(f"ended {job_id} {error}".strip())

    def set_status(self, status: WorkerStatus) -> None:
        self.status = status


class FakeTransport:
    """A call's room."""

    def __init__(self, ticket: CallTicket) -> None:
        self.info = CallInfo(call_id=ticket.job_id, agent="", revision="", room=ticket.room)
        self.hung_up = 0
        self.over = asyncio.Event()
        self.parted = asyncio.Event()
        self.parted.set()

    def attach(self, listener: Listener) -> None:
        """Nobody speaks."""

    def play(self, frame: Pcm) -> None:
        """Nobody hears."""

    async def transfer(self, to: str) -> Transferred:
        raise AssertionError("nobody asks for it", to)

    async def hang_up(self) -> None:
        self.hung_up += 1

    async def wait_until_answered(self) -> None:
        pass

    async def wait_until_parted(self) -> None:
        await self.parted.wait()

    def abandon(self) -> None:
        self.over.set()

    def terminate(self) -> None:
        self.over.set()


class FakeControl:
    """Rooms of a server."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.empty: set[str] = set()
        """Rooms whose caller has left."""

    async def remove(self, room: str, identity: str) -> None:
        self.done.append(f"remove {identity} from {room}")

    async def delete(self, room: str) -> None:
        self.done.append(f"delete {room}")

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        self.done.append(f"transfer {identity} from {room} to {to}")
        return Transferred(TransferResult.SUCCEEDED)

    async def occupants(self, room: str) -> Occupants:
        return Occupants(() if room in self.empty else (f"sip-{room}",), 0)


class FakeQuota:
    """A quota in memory."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    async def acquire(self, tenant: str, call: str, limit: int) -> bool:  # noqa: ARG002 the seam
        if len(self.held) >= limit:
            return False
        self.held.add(call)
        return True

    async def release(self, tenant: str, call: str) -> None:  # noqa: ARG002 the seam
        self.held.discard(call)


class FakeSource:
    """Revisions that only a direct look finds."""

    def __init__(self) -> None:
        self.hidden: dict[str, AgentConfig] = {}
        self.looks = 0

    async def run(self, store: RevisionStore) -> None:
        """Nothing to report."""

    async def fetch(self, wanted: DispatchMetadata, store: RevisionStore) -> None:
        self.looks += 1
        config = self.hidden.get(wanted.revision)
        if config is not None:
            await store.put(config.revision, config.to_json())


class FakeEngine:
    """Serves a call until its room says it is over."""

    def __init__(self) -> None:
        self.serving = 0
        self.broken = False

    async def run_call(
        self,
        config: AgentConfig,  # noqa: ARG002 the seam
        transport: CallTransport,
        handover: Handover | None = None,  # noqa: ARG002 the seam
    ) -> Outcome:
        if self.broken:
            raise RuntimeError("the engine is broken")
        assert isinstance(transport, FakeTransport)
        self.serving += 1
        try:
            await transport.over.wait()
        finally:
            self.serving -= 1
        return Outcome.CALLER_HUNG_UP


class Desk:
    """A worker with everything around it faked."""

    def __init__(
        self,
        max_calls: int,
        drain_seconds: float,
        config: AgentConfig,
        rescue: RescueParts | None = None,
    ) -> None:
        self.config = config
        self.engine = FakeEngine()
        self.control = FakeControl()
        self.quota = FakeQuota()
        self.source = FakeSource()
        self.strain = 0.0
        self.admission = Admission(Limits(max_calls), lambda: self.strain)
        self.revisions = RevisionStore(self._prepare)
        self.transports: dict[str, FakeTransport] = {}
        self.refusals: list[RefusalReason] = []
        self.join_error: Exception | None = None
        self.stop = asyncio.Event()
        self.probes = FakeProbes()
        self.link: FakeLink
        self.worker = Worker(
            WorkerParts(
                engine=self.engine,
                admission=self.admission,
                quota=self.quota,
                revisions=self.revisions,
                revision_source=self.source,
                control=self.control,
                open_transport=self._open,
                count_refusal=self.refusals.append,
                probes=self.probes.parts,
                livekit_url="ws://livekit",
                drain_seconds=drain_seconds,
                rescue=rescue,
            ),
            self._connect,
        )

    def offer(self, job: str) -> None:
        self.link.offer(job, dispatch_metadata(self.config))

    async def serve(self, job: str) -> FakeTransport:
        """A call from offer to the engine."""
        self.offer(job)
        await settle()
        self.link.assign(job)
        await settle()
        return self.transports[job]

    def _connect(self, on_event: Callable[[WorkerEvent], None]) -> FakeLink:
        self.link = FakeLink(on_event)
        return self.link

    async def _open(self, ticket: CallTicket) -> FakeTransport:
        if self.join_error is not None:
            raise self.join_error
        self.transports[ticket.job_id] = FakeTransport(ticket)
        return self.transports[ticket.job_id]

    async def _prepare(self, _: AgentConfig) -> None:
        """Nothing to warm."""


async def settle() -> None:
    """Let everything that can happen now happen."""
    for _ in range(20):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def desk(
    *,
    max_calls: int = 2,
    drain_seconds: float = 0.0,
    concurrent_calls: int | None = None,
    rescue: RescueParts | None = None,
) -> AsyncIterator[Desk]:
    """A running worker; leaving drains it."""
    config = agent_config(concurrent_calls=concurrent_calls)
    made = Desk(max_calls, drain_seconds, config, rescue)
    await made.revisions.put("a", made.config.to_json())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.worker.run(made.stop))
        await settle()
        try:
            yield made
        finally:
            made.stop.set()


BROKEN_ROOM = RoomError("join refused")
