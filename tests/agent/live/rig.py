"""A whole worker in the test's own process, on a real LiveKit, with the tone engine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from livekit import api

from switchboard_agent.admission import Admission, Limits, RefusalReason
from switchboard_agent.admission_quota import NoQuota, Quota
from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.probe.checks import Rehearsal
from switchboard_agent.probe.desk import ProbeParts
from switchboard_agent.probe.room import enter
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.transport.livekit.control import LiveKitRoomControl
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.transport import open_call
from switchboard_agent.worker.connection import WorkerConnection
from switchboard_agent.worker.protocol import Registration
from switchboard_agent.worker.service import Worker, WorkerParts
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_local.servers import LiveKitServer
from tests.agent.live.configs import dispatch_metadata
from tests.agent.live.tone_engine import ToneCall, ToneEngine
from tests.support.speech_fakes import ScriptedStt, ScriptedTts


class NoSource:
    """A revision source that has nothing."""

    async def run(self, store: RevisionStore) -> None:
        """Report nothing."""

    async def fetch(self, wanted: DispatchMetadata, store: RevisionStore) -> None:
        """Find nothing."""


@dataclass(frozen=True, slots=True)
class Rig:
    """The worker and what a test asks it about."""

    worker: Worker
    engine: ToneEngine
    admission: Admission
    ffi: FfiDemux
    refusals: list[RefusalReason]
    probes: list[str]
    stop: asyncio.Event
    livekit: api.LiveKitAPI
    pool: str

    async def dispatch(self, room: str, config: AgentConfig) -> None:
        """Make a room as the SIP bridge does: with an agent dispatched into it."""
        await self.livekit.room.create_room(
            api.CreateRoomRequest(
                name=room,
                departure_timeout=2,
                agents=[
                    api.RoomAgentDispatch(agent_name=self.pool, metadata=dispatch_metadata(config))
                ],
            )
        )

    async def call(self, room: str) -> ToneCall:
        """The call in this room, once the engine has it."""
        await until(lambda: room in self.engine.calls)
        return self.engine.calls[room]


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something that real servers bring about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 servers set no event of ours
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def worker_rig(
    server: LiveKitServer,
    config: AgentConfig,
    *,
    pool: str,
    max_calls: int = 20,
    quota: Quota | None = None,
    call_seconds: float = 3600.0,
    drain_seconds: float = 0.0,
    make_engine: Callable[[float], ToneEngine] = ToneEngine,
    make_control: Callable[[str, str, str], LiveKitRoomControl] = LiveKitRoomControl,
) -> AsyncIterator[Rig]:
    """A registered worker; leaving the block drains it."""
    stop = asyncio.Event()
    refusals: list[RefusalReason] = []
    probes: list[str] = []
    rehearsal = Rehearsal(ScriptedStt(), ScriptedTts(), ScriptedDialog)
    ffi = FfiDemux(asyncio.get_running_loop(), pytest_fail)
    async with (
        make_engine(call_seconds) as engine,
        make_control(server.ws_url, server.api_key, server.api_secret) as control,
        api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as livekit,
    ):
        revisions = RevisionStore(engine.prepare)
        await revisions.put("reception", config.to_json())
        admission = Admission(Limits(max_calls), lambda: 0.0)
        parts = WorkerParts(
            engine=engine,
            admission=admission,
            quota=quota or NoQuota(),
            revisions=revisions,
            revision_source=NoSource(),
            control=control,
            open_transport=partial(open_call, ffi, control),
            count_refusal=refusals.append,
            probes=ProbeParts(rehearsal, partial(enter, ffi, control), probes.append, pool),
            livekit_url=server.ws_url,
            drain_seconds=drain_seconds,
        )
        worker = Worker(
            parts,
            lambda on_event: WorkerConnection(
                url=server.ws_url,
                api_key=server.api_key,
                api_secret=server.api_secret,
                registration=Registration(pool, "test"),
                on_event=on_event,
            ),
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(worker.run(stop))
            try:
                await until(lambda: worker.registered)
                yield Rig(worker, engine, admission, ffi, refusals, probes, stop, livekit, pool)
            finally:
                stop.set()
                await running
                ffi.close()


def pytest_fail(message: str) -> None:
    """The native library must not panic."""
    raise AssertionError(message)
