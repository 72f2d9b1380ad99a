"""The worker: turns the server's offers into served calls, and stops without cutting any.

    offer -> revision known? slot free? within all quotas? -> accept, or decline aloud
    assignment -> a task that joins, serves, reports, frees the slot
    stop -> FULL, finish what is running, then leave

A slot is held from before the accept to after the last report. Calls that do not come from LiveKit
(`promise`, `take`) pass the same checks and count the same.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from pydantic import ValidationError

from switchboard_agent import call_limits
from switchboard_agent.admission import Admission, RefusalReason
from switchboard_agent.admission_quota import Quota
from switchboard_agent.admission_rate import NoRate, RateLimit
from switchboard_agent.caller_country import caller_of
from switchboard_agent.probe.desk import ProbeDesk, ProbeParts
from switchboard_agent.recovery.book import Claim
from switchboard_agent.recovery.rescue import RescueDesk, RescueParts
from switchboard_agent.recovery.streams import LostStreams, StreamTransport
from switchboard_agent.revisions.choice import OnFallback, choose
from switchboard_agent.revisions.store import RevisionSource, RevisionStore
from switchboard_agent.transport.livekit.control import RoomControl
from switchboard_agent.transport.livekit.transport import CallTicket
from switchboard_agent.worker.events import (
    Assigned,
    Failed,
    Offered,
    OfferLapsed,
    Registered,
    Terminated,
    WorkerEvent,
)
from switchboard_agent.worker.job import CallEngine, CallJob, OpenTransport
from switchboard_agent.worker.link import Connect
from switchboard_agent.worker.protocol import WorkerStatus
from switchboard_agent.worker.refusal import RefusalDesk, for_all
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """A promised or running call: what it will be served with."""

    dispatch: DispatchMetadata
    config: AgentConfig


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of."""

    engine: CallEngine
    admission: Admission
    quota: Quota
    revisions: RevisionStore
    revision_source: RevisionSource
    control: RoomControl
    open_transport: OpenTransport
    count_refusal: Callable[[RefusalReason], None]
    probes: ProbeParts
    livekit_url: str
    drain_seconds: float
    on_fallback: OnFallback = lambda _config, _variant: None
    rate: RateLimit = field(default_factory=NoRate)
    rescue: RescueParts | None = None
    """None: calls of lost workers are not taken up."""


class Worker:
    """Serves calls while `run` runs."""

    def __init__(self, parts: WorkerParts, connect: Connect) -> None:
        self._parts = parts
        self._connection = connect(self._on_event)
        self._desk = RefusalDesk(parts.control)
        self._probes = ProbeDesk(
            parts.probes,
            admission=parts.admission,
            find=self._config_for,
            link=self._connection,
            livekit_url=parts.livekit_url,
        )
        self._rescues = self._rescue_desk(parts, parts.rescue) if parts.rescue else None
        self._grants: dict[str, Grant] = {}
        self._jobs: dict[str, CallJob] = {}
        self._carried: dict[str, StreamTransport] = {}
        self._work: dict[asyncio.Task[None], str] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: asyncio.TaskGroup | None = None

    def _rescue_desk(self, parts: WorkerParts, rescue: RescueParts) -> RescueDesk:
        return RescueDesk(
            rescue,
            engine=parts.engine,
            admission=parts.admission,
            quota=parts.quota,
            control=parts.control,
            open_transport=parts.open_transport,
            livekit_url=parts.livekit_url,
            find=self._config_for,
            on_load=self._publish_status,
        )

    @property
    def registered(self) -> bool:
        """Whether the server may offer calls."""
        return self._connection.registered

    @property
    def hears_livekit(self) -> bool:
        """Whether the server can be reached this moment."""
        return self._connection.hears_server

    def calls_by_agent(self) -> Counter[str]:
        """Live and promised calls by `namespace/name`."""
        calls = Counter(grant.config.key for grant in self._grants.values())
        if self._rescues is not None:
            calls.update(config.key for config in self._rescues.configs.values())
        return calls

    # --- calls that change hands ------------------------------------------------------------

    def places_for_rescues(self) -> int:
        """Calls of lost workers that could be taken up now."""
        return self._parts.admission.free if self._parts.revisions.ready else 0

    def take_up(self, claim: Claim) -> None:
        """Go on with a call that has lost its worker."""
        if self._rescues is None:
            raise RuntimeError("this worker takes up no calls")
        self._start(claim.call_id, self._rescue(self._rescues, claim))

    def let_go(self, job_id: str) -> None:
        """Stop serving a call that others hold by now; its caller hears nothing of it."""
        if job_id in self._jobs:
            self._jobs[job_id].let_go()
        if job_id in self._carried:
            self._carried[job_id].abandon()
        if self._rescues is not None:
            self._rescues.let_go(job_id)

    async def _rescue(self, desk: RescueDesk, claim: Claim) -> None:
        try:
            await desk.serve(claim)
        except Exception:  # noqa: BLE001 one call must not harm the others
            _log.exception("a lost call was not taken up", extra={"call_id": claim.call_id})

    def configs(self) -> list[AgentConfig]:
        """What each live or promised call is served with."""
        return [grant.config for grant in self._grants.values()]

    async def run(self, stop: asyncio.Event) -> None:
        """Serve calls until `stop` is set and the last call is over."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            connection = tasks.create_task(self._connect())
            await stop.wait()
            await self._drain()
            connection.cancel()
        self._tasks = None

    async def _connect(self) -> None:
        """Register only once there is something to answer as: no offer is declined for that."""
        await self._parts.revisions.wait_ready()
        await self._connection.run()

    async def _drain(self) -> None:
        """Take nothing new; give live calls their time, then hang up what is left."""
        self._parts.admission.draining = True
        self._publish_status()
        _log.info("draining", extra={"calls": self._parts.admission.held})
        try:
            async with asyncio.timeout(self._parts.drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("hanging up %d calls: the drain time is over", len(self._work))
            work = list(self._work)
            for task in work:
                task.cancel()
            if work:
                await asyncio.wait(work)

    def _on_event(self, event: WorkerEvent) -> None:
        if (probing := self._probes.work_for(event)) is not None:
            self._start(*probing)
            return
        match event:
            case Registered():
                _log.info("registered", extra={"worker_id": event.worker_id})
                self._publish_status()
            case Offered():
                self._start(event.job_id, self._answer(event))
            case OfferLapsed():
                self._start(event.job_id, self._give_back(event.job_id))
            case Assigned():
                self._start(event.job_id, self._serve(event))
            case Terminated():
                job = self._jobs.get(event.job_id)
                if job is not None:
                    job.terminate()
            case Failed():  # the connection deals with it
                pass

    def _start(self, job_id: str, work: Coroutine[object, object, None]) -> None:
        if self._tasks is None:
            raise RuntimeError("events come only while the worker runs")
        task = self._tasks.create_task(work)
        self._work[task] = job_id
        self._idle.clear()
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        del self._work[task]
        self._note_idle()

    def _note_idle(self) -> None:
        if not self._work and not self._grants:
            self._idle.set()

    # --- offers -----------------------------------------------------------------------------

    async def _answer(self, offer: Offered) -> None:
        """Promise a slot or decline."""
        decision = await self._decide(offer)
        if isinstance(decision, Grant):
            self._grants[offer.job_id] = decision
            if self._connection.accept(offer.job_id, f"agent-{offer.job_id}"):
                self._publish_status()
            else:  # the connection was lost while we decided
                await self._give_back(offer.job_id)
            return
        self._connection.decline(offer.job_id, for_all=for_all(decision))
        self._parts.count_refusal(decision)
        _log.warning("call refused", extra={"room": offer.room, "reason": decision})
        await self._desk.tell_caller(offer.room, decision)

    async def _decide(self, offer: Offered) -> Grant | RefusalReason:
        try:
            dispatch = DispatchMetadata.model_validate_json(offer.metadata)
        except ValidationError:
            return RefusalReason.UNKNOWN_REVISION
        return await self._grant(offer.job_id, offer.room, dispatch, caller=caller_of(offer.room))

    async def _grant(
        self,
        call: str,
        drawn_by: str,
        dispatch: DispatchMetadata,
        *,
        caller: str,
        moved_from: str = "",
    ) -> Grant | RefusalReason:
        """Take everything for a call; `drawn_by` is what its variant is drawn by."""
        parts = self._parts
        refusal = parts.admission.reserve(call)
        if refusal is not None:
            return refusal
        chosen = await choose(dispatch, drawn_by, self._config_for, parts.on_fallback)
        if chosen is None:
            parts.admission.release(call)
            return RefusalReason.UNKNOWN_REVISION
        dispatch, config = chosen
        if moved_from:
            await call_limits.give_back(parts.quota, config, moved_from)
        rate = NoRate() if moved_from else parts.rate
        refusal = await call_limits.take(parts.quota, rate, config, call, caller)
        if refusal is not None:
            parts.admission.release(call)
            return refusal
        return Grant(dispatch, config)

    async def _config_for(self, dispatch: DispatchMetadata) -> AgentConfig | None:
        """From memory; for a revision not seen yet, one look at the source."""
        config = self._parts.revisions.get(dispatch)
        if config is None:
            await self._parts.revision_source.fetch(dispatch, self._parts.revisions)
            config = self._parts.revisions.get(dispatch)
        return config

    async def _give_back(self, job_id: str) -> None:
        """Free everything held for a job. Safe to call twice."""
        self._parts.admission.release(job_id)
        self._publish_status()
        grant = self._grants.pop(job_id, None)
        self._note_idle()
        if grant is not None:
            await call_limits.give_back(self._parts.quota, grant.config, job_id)

    # --- calls that LiveKit does not bring --------------------------------------------------

    async def promise(
        self,
        call: str,
        drawn_by: str,
        dispatch: DispatchMetadata,
        *,
        caller: str,
        moved_from: str = "",
    ) -> Grant | RefusalReason:
        """Hold everything that a call needs, or say why not.

        `moved_from` is the name under which another worker holds the same call: its place with the
        tenant becomes ours, and the call counts as one.
        """
        decision = await self._grant(call, drawn_by, dispatch, caller=caller, moved_from=moved_from)
        if isinstance(decision, Grant):
            self._grants[call] = decision
            self._idle.clear()
            self._publish_status()
        else:
            self._parts.count_refusal(decision)
            _log.warning("call refused", extra={"call": call, "reason": decision})
        return decision

    def lost_streams(self, streams: LostStreams) -> None:
        """Where the streams of calls are that lost their worker."""
        if self._rescues is not None:
            self._rescues.streams = streams

    def take(self, call: str, transport: StreamTransport) -> None:
        """Serve a promised call in a task of its own, to its end."""
        self._start(call, self._serve_promised(call, transport))

    def withdraw(self, call: str) -> None:
        """Free a promise that nobody took up; a worker that has stopped holds none."""
        if self._tasks is not None:
            self._start(call, self._give_back(call))

    async def _serve_promised(self, call: str, transport: StreamTransport) -> None:
        grant, info = self._grants[call], transport.info
        about = {"call_id": info.call_id, "agent": info.agent, "revision": info.revision}
        self._carried[call] = transport
        try:
            outcome = await self._parts.engine.run_call(grant.config, transport)
            _log.info("call over", extra=about | {"outcome": outcome})
        except Exception:  # noqa: BLE001 one call must not harm the others
            _log.exception("call broke off", extra=about)
        finally:
            await transport.hang_up()
            del self._carried[call]
            await self._give_back(call)

    # --- calls ------------------------------------------------------------------------------

    async def _serve(self, assigned: Assigned) -> None:
        """One call from assignment to the freed slot."""
        grant = self._grants[assigned.job_id]
        job = CallJob(
            ticket=CallTicket(
                job_id=assigned.job_id,
                room=assigned.room,
                url=self._parts.livekit_url,
                token=assigned.token,
                dispatch=grant.dispatch,
            ),
            config=grant.config,
            engine=self._parts.engine,
            open_transport=self._parts.open_transport,
            admission=self._parts.admission,
            control=self._parts.control,
        )
        self._jobs[assigned.job_id] = job
        self._connection.job_running(assigned.job_id)
        error = "hung up while draining"
        try:
            error = await job.run()
        finally:
            del self._jobs[assigned.job_id]
            self._connection.job_ended(assigned.job_id, error)
            await self._give_back(assigned.job_id)

    def _publish_status(self) -> None:
        admission = self._parts.admission
        self._connection.set_status(
            WorkerStatus(load=admission.load, jobs=admission.held, draining=admission.draining)
        )
