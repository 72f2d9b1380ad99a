"""Which probes a worker takes, and each from its offer to its end.

A probe holds no slot, no quota and no place in what the worker reports of itself: it must never
cost a caller. So there are few at once, none while the event loop is late, and each joins through
the same narrow gate as calls do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import ValidationError

from switchboard_agent.admission import Admission
from switchboard_agent.probe.checks import Rehearsal
from switchboard_agent.probe.room import ProbeRoom, ProbeTicket
from switchboard_agent.probe.trial import attempt
from switchboard_agent.transport.livekit.control import RoomControlError
from switchboard_agent.transport.livekit.ffi import FfiError
from switchboard_agent.transport.livekit.room import RoomError
from switchboard_agent.worker.events import Assigned, Offered, OfferLapsed, Terminated, WorkerEvent
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata

MOST_PROBES: Final = 2
"""At once, promised ones included."""

STAY_SECONDS: Final = 10.0
"""How long the answer stands in the room; the operator closes it as soon as it has read it."""

REFUSED: Final = "refused"
UNHEARD: Final = "unheard"
"""Joining, or telling the answer, failed: the operator sees nobody."""

_log = logging.getLogger(__name__)

JobWork = tuple[str, Coroutine[object, object, None]]

Find = Callable[[DispatchMetadata], Awaitable[AgentConfig | None]]


class ProbeLink(Protocol):
    """What a probe says to the server."""

    def accept(self, job_id: str, identity: str) -> bool:
        """Take an offered job; False if the offer is not open any more."""

    def decline(self, job_id: str, *, for_all: bool) -> None:
        """Do not take an offered job."""

    def job_running(self, job_id: str) -> None:
        """The job has started."""

    def job_ended(self, job_id: str, error: str = "") -> None:
        """The job is over."""


@dataclass(frozen=True, slots=True)
class ProbeParts:
    """What probes are answered with."""

    rehearsal: Rehearsal
    enter: Callable[[ProbeTicket], Awaitable[ProbeRoom]]
    count: Callable[[str], None]
    """Called with the result of each probe: answered, failed, refused, unheard."""
    worker: str


class ProbeDesk:
    """The probes of one worker."""

    def __init__(
        self,
        parts: ProbeParts,
        *,
        admission: Admission,
        find: Find,
        link: ProbeLink,
        livekit_url: str,
    ) -> None:
        self._parts = parts
        self._admission = admission
        self._find = find
        self._link = link
        self._url = livekit_url
        self._held: dict[str, DispatchMetadata] = {}
        self._rooms: dict[str, ProbeRoom] = {}

    @property
    def held(self) -> int:
        """Probes promised or running."""
        return len(self._held)

    def work_for(self, event: WorkerEvent) -> JobWork | None:
        """Return the job and what is to be done about an event; None if it is none of a probe's."""
        match event:
            case Offered():
                dispatch = probe_dispatch(event.metadata)
                if dispatch is not None:
                    return event.job_id, self._answer(event.job_id, dispatch)
            case OfferLapsed() if event.job_id in self._held:
                return event.job_id, self._forget(event.job_id)
            case Assigned() if event.job_id in self._held:
                return event.job_id, self._serve(event)
            case Terminated() if event.job_id in self._held:
                return event.job_id, self._end(event.job_id)
            case _:
                pass
        return None

    async def _answer(self, job_id: str, dispatch: DispatchMetadata) -> None:
        if self.held >= MOST_PROBES or self._admission.draining or self._admission.lagging:
            self._link.decline(job_id, for_all=False)
            self._parts.count(REFUSED)
            return
        self._held[job_id] = dispatch
        if not self._link.accept(job_id, _identity(job_id)):
            await self._forget(job_id)

    async def _forget(self, job_id: str) -> None:
        self._held.pop(job_id, None)

    async def _end(self, job_id: str) -> None:
        room = self._rooms.get(job_id)
        if room is not None:
            room.over.set()

    async def _serve(self, assigned: Assigned) -> None:
        self._link.job_running(assigned.job_id)
        error = "ended while draining"
        try:
            error = await self._visit(assigned, self._held[assigned.job_id])
        except Exception:  # noqa: BLE001  a probe must not harm calls
            _log.exception("a probe broke off", extra={"room": assigned.room})
            error = "internal error"
        finally:
            await self._forget(assigned.job_id)
            self._link.job_ended(assigned.job_id, error)

    async def _visit(self, assigned: Assigned, dispatch: DispatchMetadata) -> str:
        """Join, try, tell, stay a while; return why that was not possible, empty if it was."""
        assigned_at = asyncio.get_running_loop().time()
        configs = [await self._find(revision) for revision in revisions_of(dispatch)]
        ticket = ProbeTicket(assigned.room, _identity(assigned.job_id), self._url, assigned.token)
        try:
            async with self._admission.joining():
                room = await self._parts.enter(ticket)
        except (RoomError, FfiError) as error:
            return self._unheard(assigned.room, error)
        self._rooms[assigned.job_id] = room
        try:
            report = await attempt(
                self._parts.rehearsal,
                dispatch,
                configs,
                worker=self._parts.worker,
                assigned_at=assigned_at,
            )
            await room.tell(report.attributes())
            self._parts.count(report.state)
            with suppress(TimeoutError):
                async with asyncio.timeout(STAY_SECONDS):
                    await room.over.wait()
        except RoomControlError as error:
            return self._unheard(assigned.room, error)
        finally:
            del self._rooms[assigned.job_id]
            await room.leave()
        return ""

    def _unheard(self, room: str, error: Exception) -> str:
        self._parts.count(UNHEARD)
        _log.warning("a probe could not be answered: %s", error, extra={"room": room})
        return str(error)


def probe_dispatch(metadata: str) -> DispatchMetadata | None:
    """Return the dispatch of a probe; None if it is a call or nothing of ours."""
    try:
        dispatch = DispatchMetadata.model_validate_json(metadata)
    except ValidationError:
        return None
    return dispatch if dispatch.probe else None


def revisions_of(dispatch: DispatchMetadata) -> list[DispatchMetadata]:
    """Return every revision that calls with this dispatch may be served by, the main one first."""
    revisions = [dispatch.revision, *(share.revision for share in dispatch.variants)]
    return [
        DispatchMetadata(agent=dispatch.agent, revision=revision)
        for revision in dict.fromkeys(revisions)
    ]


def _identity(job_id: str) -> str:
    return f"agent-{job_id}"
