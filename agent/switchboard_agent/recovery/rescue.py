"""Goes on with calls whose worker is lost.

    claim -> a place for it? -> is the caller still there? -> join in the dead worker's place ->
    the same call, one bridging phrase later

Whatever cannot be gone on with is ended: the caller hears the line close and not silence, and the
record of the call gets its last event. A rescued call is a call like any other: it holds a slot and
the places of its tenant, and a drain waits for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from switchboard_agent import call_limits
from switchboard_agent.admission import Admission
from switchboard_agent.admission_quota import Quota
from switchboard_agent.clock import MS_PER_SECOND, Clock
from switchboard_agent.records.base import CallRecorder
from switchboard_agent.recovery.base import CallKeeper, Handover
from switchboard_agent.recovery.book import Claim
from switchboard_agent.recovery.streams import LostStreams, StreamTransport
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.livekit.control import RoomControl, RoomControlError
from switchboard_agent.transport.livekit.transport import CallTicket
from switchboard_agent.worker.job import CallEngine, CallJob, OpenTransport, RoomTransport
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.call_events import CallEnded, Channel, Outcome
from switchboard_contract.recovery import EPOCH_STRIDE, CallSnapshot, ScriptMemory

_log = logging.getLogger(__name__)


class Result(StrEnum):
    """What became of a lost call; label of `switchboard_calls_recovered_total`."""

    RECOVERED = "recovered"
    CALLER_GONE = "caller_gone"
    NO_PLACE = "no_place"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RescueParts:
    """What only a rescuer needs."""

    keeper: CallKeeper
    records: CallRecorder
    telemetry: Telemetry
    clock: Clock
    token: Callable[[str, str], str]
    """Opens a room under an identity."""
    put_back: Callable[[Claim], Awaitable[None]]
    """Give a call to the others. Never raises."""


class RescueDesk:
    """Serves calls of lost workers."""

    def __init__(
        self,
        parts: RescueParts,
        *,
        engine: CallEngine,
        admission: Admission,
        quota: Quota,
        control: RoomControl,
        open_transport: OpenTransport,
        livekit_url: str,
        find: Callable[[DispatchMetadata], Awaitable[AgentConfig | None]],
        on_load: Callable[[], None],
    ) -> None:
        """`on_load` is called when a slot was taken or is free again."""
        self._parts = parts
        self._on_load = on_load
        self._engine = engine
        self._admission = admission
        self._quota = quota
        self._control = control
        self._open_transport = open_transport
        self._livekit_url = livekit_url
        self._find = find
        self._jobs: dict[str, CallJob] = {}
        self._carried: dict[str, StreamTransport] = {}
        self.streams: LostStreams | None = None
        """None: calls that come as streams cannot be gone on with here."""
        self.configs: dict[str, AgentConfig] = {}
        """Agents of the calls that are served, by job."""

    def let_go(self, job_id: str) -> None:
        """Somebody else goes on with the call."""
        if job_id in self._jobs:
            self._jobs[job_id].let_go()
        if job_id in self._carried:
            self._carried[job_id].abandon()

    async def serve(self, claim: Claim) -> None:
        """One call from the claim to its end."""
        taken_up_ms = self._parts.clock.monotonic_ms()
        try:
            snapshot = CallSnapshot.model_validate_json(claim.snapshot)
        except ValidationError:
            _log.error("a lost call cannot be read: its worker was of another version")
            await self._end(claim, None, Result.FAILED)
            return
        if claim.overdue:
            await self._end(claim, snapshot, Result.NO_PLACE)
            return
        if self._admission.reserve(snapshot.job_id, rescue=True) is not None:
            self._parts.keeper.release(claim.call_id)
            await self._parts.put_back(claim)
            return
        self._on_load()
        try:
            handover = Handover(snapshot, claim.epoch, claim.waited_ms, taken_up_ms)
            result = await self._go_on(handover)
        finally:
            self.configs.pop(snapshot.job_id, None)
            self._admission.release(snapshot.job_id)
            self._parts.keeper.release(claim.call_id)
            self._on_load()
        if result is not Result.RECOVERED:
            await self._end(claim, snapshot, result)

    async def _go_on(self, handover: Handover) -> Result:
        snapshot = handover.snapshot
        by_stream = snapshot.channel is Channel.TWILIO
        if not by_stream and not await self._caller_is_there(snapshot.room):
            return Result.CALLER_GONE
        config = await self._find(snapshot.dispatch)
        if config is None:
            return Result.FAILED
        self.configs[snapshot.job_id] = config
        # Whether the call may be is decided already: this only moves its places to this worker.
        await call_limits.take_over(self._quota, config, snapshot.job_id)
        try:
            return await (self._by_stream if by_stream else self._in_room)(config, handover)
        finally:
            await call_limits.give_back(self._quota, config, snapshot.job_id)

    async def _by_stream(self, config: AgentConfig, handover: Handover) -> Result:
        if self.streams is None:
            return Result.FAILED
        snapshot = handover.snapshot
        transport = await self.streams.take_up(snapshot, config.limits.max_call_seconds)
        if transport is None:
            return Result.CALLER_GONE
        self._carried[snapshot.job_id] = transport
        self._count(handover)
        try:
            await self._engine.run_call(config, transport, handover)
        finally:
            await transport.hang_up()
            del self._carried[snapshot.job_id]
        return Result.RECOVERED

    async def _in_room(self, config: AgentConfig, handover: Handover) -> Result:
        snapshot = handover.snapshot
        job = self._job(config, handover)
        self._jobs[snapshot.job_id] = job
        try:
            await job.run()
        finally:
            del self._jobs[snapshot.job_id]
        if job.opened:
            return Result.RECOVERED
        _log.error("a lost call could not be gone on with", extra={"room": snapshot.room})
        return Result.FAILED

    def _job(self, config: AgentConfig, handover: Handover) -> CallJob:
        snapshot = handover.snapshot
        identity = f"agent-{snapshot.job_id}"

        async def open_transport(ticket: CallTicket) -> RoomTransport:
            transport = await self._open_transport(ticket)
            self._count(handover)
            return transport

        return CallJob(
            ticket=CallTicket(
                job_id=snapshot.job_id,
                room=snapshot.room,
                url=self._livekit_url,
                token=self._parts.token(snapshot.room, identity),
                dispatch=snapshot.dispatch,
            ),
            config=config,
            engine=self._engine,
            open_transport=open_transport,
            admission=self._admission,
            control=self._control,
            handover=handover,
        )

    def _count(self, handover: Handover) -> None:
        lost_ms = handover.waited_ms + self._parts.clock.monotonic_ms() - handover.taken_up_ms
        telemetry = self._parts.telemetry
        telemetry.calls_recovered.labels(outcome=Result.RECOVERED).inc()
        telemetry.recovery_seconds.observe(lost_ms / MS_PER_SECOND)
        _log.warning("a lost call goes on here", extra={"call_id": handover.snapshot.call_id})

    async def _caller_is_there(self, room: str) -> bool:
        try:
            return bool((await self._control.occupants(room)).callers)
        except RoomControlError as error:
            _log.warning("trying to join all the same: %s", error)
            return True

    async def _end(self, claim: Claim, snapshot: CallSnapshot | None, result: Result) -> None:
        """Write the call's last event and put the caller out, who would hear silence."""
        self._parts.keeper.release(claim.call_id)
        self._parts.telemetry.calls_recovered.labels(outcome=result).inc()
        _log.error("a lost call is ended: %s", result, extra={"call_id": claim.call_id})
        if snapshot is not None and result is not Result.CALLER_GONE:
            await self._put_callers_out(snapshot)
        now_ms = self._parts.clock.unix_ms()
        age_ms = 0 if snapshot is None else max(0, now_ms - snapshot.started_unix_ms)
        known = snapshot.dialog if snapshot is not None else None
        script = known if isinstance(known, ScriptMemory) else None
        self._parts.records.record(
            CallEnded(
                call_id=claim.call_id,
                sequence=claim.epoch * EPOCH_STRIDE,
                at_unix_ms=now_ms,
                at_call_ms=age_ms,
                outcome=Outcome.WORKER_LOST,
                duration_ms=age_ms,
                slots=script.values if script else {},
                result=script.finished if script else "",
            )
        )

    async def _put_callers_out(self, snapshot: CallSnapshot) -> None:
        room = snapshot.room
        if snapshot.channel is Channel.TWILIO:
            if self.streams is not None:
                await self.streams.end(snapshot)
            return
        try:
            occupants = await self._control.occupants(room)
            async with asyncio.TaskGroup() as tasks:
                for caller in occupants.callers:
                    tasks.create_task(self._control.remove(room, caller))
        except* RoomControlError as group:
            _log.error("a caller may hear silence until they hang up: %s", group.exceptions[0])
