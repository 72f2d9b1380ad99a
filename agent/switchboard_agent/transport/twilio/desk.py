"""Whether a call that Twilio brings is taken, and which call a stream belongs to.

    question -> a promise, as for an offer of LiveKit's, and a ticket     (`call`)
    stream   -> the ticket is taken once; the promised call is served     (`open`)
    question after the stream -> over, to be taken up again, or sorry     (`after`)

Behind one address stand all workers of the pool, and each request of a call may come to another. A
stream that comes to a worker without the promise makes one there; the promise that is left behind
lapses. A stream of a call that another worker serves is led on to that one.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from switchboard_agent.admission import RefusalReason
from switchboard_agent.recovery.fence import Fence
from switchboard_agent.recovery.streams import LostStreams, StreamTransport
from switchboard_agent.secret_file import SecretFileError
from switchboard_agent.transport.base import CallInfo
from switchboard_agent.transport.twilio import ticket, twiml
from switchboard_agent.transport.twilio.book import CallBook, Owner
from switchboard_agent.transport.twilio.calls_api import TwilioApiError, TwilioCalls
from switchboard_agent.transport.twilio.messages import Fault, Started, StreamError
from switchboard_agent.transport.twilio.place import Place
from switchboard_agent.transport.twilio.sound import PhoneSound
from switchboard_agent.transport.twilio.ticket import BadTicketError, Ticket
from switchboard_agent.transport.twilio.transport import TwilioTransport
from switchboard_agent.worker.refusal import for_all
from switchboard_agent.worker.service import Grant
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import Channel, Direction
from switchboard_contract.line import Line
from switchboard_contract.recovery import CallSnapshot

PROMISE_SECONDS = 5.0
"""How long a place is held for a stream. Shorter than what renews a tenant's places, so that one
which another worker took over is not taken back."""

MOST_TRIES = 5
"""Workers asked before a caller who is not answered yet hears busy."""

MOST_RETURNS = 5
"""Streams that are opened for one call before the caller hears that it is no use."""

MOVE_SECONDS = 3.0
"""How long a stream whose worker cannot be reached is held until a peer has taken the call up: a
lease, a beat, and what a busy machine adds. After it Twilio asks again."""

_LOOK_SECONDS = 0.1

SORRY = "We are sorry, we cannot take your call at the moment. Please call again later."

_log = logging.getLogger(__name__)


class CallTaker(Protocol):
    """The worker, as far as calls that it takes go."""

    async def promise(
        self,
        call: str,
        drawn_by: str,
        dispatch: DispatchMetadata,
        *,
        caller: str,
        moved_from: str = "",
    ) -> Grant | RefusalReason:
        """Hold everything that a call needs, or say why not."""

    def take(self, call: str, transport: StreamTransport) -> None:
        """Serve a promised call in a task of its own."""

    def withdraw(self, call: str) -> None:
        """Free a promise that nobody took up."""

    def lost_streams(self, streams: LostStreams) -> None:
        """Where the streams of calls are that lost their worker."""


class NotHereError(Exception):
    """The stream cannot be served by this worker now; Twilio shall ask again."""


class ElsewhereError(Exception):
    """Another worker serves the stream's call."""

    def __init__(self, address: str) -> None:
        super().__init__(f"the call is served at {address}")
        self.address = address


@dataclass(frozen=True, slots=True)
class Asked:
    """What Twilio says when it asks what to do with a call."""

    call_sid: str
    caller: str
    called: str
    tries: int = 0
    """How often it has asked so already."""
    direction: Direction = Direction.INBOUND


@dataclass(slots=True)
class _Promise:
    grant: Grant
    lapse: asyncio.TimerHandle


class TwilioDesk:
    """Takes calls from Twilio."""

    def __init__(
        self,
        *,
        taker: CallTaker,
        lines: Callable[[str], Line | None],
        book: CallBook,
        calls: TwilioCalls,
        worker: str,
        fence: Fence | None = None,
    ) -> None:
        """`lines` finds the line of an agent; `worker` is this one's name, unique in the pool."""
        self._taker = taker
        self._fence = fence
        self._lines = lines
        self._book = book
        self._calls = calls
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._sound = PhoneSound()
        self._promises: dict[str, _Promise] = {}
        self._opening: set[str] = set()
        self._live: dict[str, TwilioTransport] = {}

    # --- questions --------------------------------------------------------------------------

    async def call(self, place: Place, asked: Asked) -> str:
        """Somebody calls: what Twilio shall do."""
        if asked.call_sid in self._live:
            return self._connect(place, asked, self._worker, resumes=True)
        if place.line.dispatch is None:
            return _refusal(asked)
        refusal = await self._promise(place.line.dispatch, asked)
        if refusal is None:
            await self._book.expect(asked.call_sid, place=True)
            return self._connect(place, asked, self._worker, resumes=False)
        if for_all(refusal) or asked.tries + 1 >= MOST_TRIES:
            return _refusal(asked)
        return twiml.redirect(place.voice_url(asked.tries + 1))

    async def after(self, place: Place, asked: Asked) -> str:
        """A stream has ended: what Twilio shall do with its call."""
        live = self._live.get(asked.call_sid)
        owner = await self._owner(asked.call_sid)
        foreign = live is not None and live.info.agent != place.line.agent
        if owner is None or foreign or (live is not None and live.is_over):
            return twiml.hang_up()
        if asked.tries >= MOST_RETURNS:
            return twiml.apologise(SORRY)
        if not owner.worker:
            dispatch, held_as = place.line.dispatch, self._held_as(asked.call_sid, owner.address)
            if dispatch is None or await self._promise(dispatch, asked, held_as):
                return twiml.apologise(SORRY)
        serving = owner.worker or self._worker
        return self._connect(place, asked, serving, resumes=bool(owner.worker))

    async def _owner(self, call_sid: str) -> Owner | None:
        """Who serves a call; without Redis, as far as this worker knows."""
        if call_sid in self._live:
            return Owner(self._worker)
        found = await self._book.owner(call_sid)
        if found is None and not self._book.reachable and call_sid in self._promises:
            return Owner("")
        return found

    def _connect(self, place: Place, asked: Asked, worker: str, *, resumes: bool) -> str:
        issued = Ticket(
            call_sid=asked.call_sid,
            agent=place.line.agent,
            caller=asked.caller,
            called=asked.called,
            worker=worker,
            resumes=resumes,
            expires_at=int(time.time()) + ticket.LIFETIME_SECONDS,
            nonce=ticket.new_nonce(),
            direction=asked.direction,
        )
        text = ticket.write(issued, place.auth_token)
        after = place.after_url(asked.tries + 1)
        return twiml.connect(place.stream_url, ticket.PARAMETER, text, after)

    # --- promises ---------------------------------------------------------------------------

    async def _promise(
        self, dispatch: DispatchMetadata, about: Asked | Ticket, moved_from: str = ""
    ) -> RefusalReason | None:
        call_sid = about.call_sid
        if (held := self._promises.get(call_sid)) is not None:
            held.lapse.cancel()
            held.lapse = self._loop.call_later(PROMISE_SECONDS, self._lapse, call_sid)
            return None
        held_as = self._held_as(call_sid, self._worker)
        decision = await self._taker.promise(
            held_as, call_sid, dispatch, caller=_stranger(about), moved_from=moved_from
        )
        if not isinstance(decision, Grant):
            return decision
        lapse = self._loop.call_later(PROMISE_SECONDS, self._lapse, call_sid)
        self._promises[call_sid] = _Promise(decision, lapse)
        return None

    def _lapse(self, call_sid: str) -> None:
        self._promises.pop(call_sid)
        self._taker.withdraw(self._held_as(call_sid, self._worker))

    @staticmethod
    def _held_as(call_sid: str, worker: str) -> str:
        """Two workers may hold a place for one call for a moment: under two names."""
        return f"{call_sid}:{worker}"

    # --- streams ----------------------------------------------------------------------------

    async def open(self, started: Started) -> TwilioTransport:
        """Return the call that a stream belongs to.

        Raises `StreamError`, `NotHereError` or `ElsewhereError`, which leaves the ticket unused.
        """
        place, taken = self._read_ticket(started)
        live = self._live.get(taken.call_sid)
        if live is not None and live.info.agent != taken.agent:
            raise StreamError(Fault.TOKEN, "the call is another agent's")
        owner = None if live else await self._book.owner(taken.call_sid)
        if owner is not None and owner.worker not in {"", self._worker}:
            raise ElsewhereError(owner.address)
        if not await self._book.use(taken.nonce):
            raise StreamError(Fault.TOKEN, "the token was used before")
        if live is not None:
            return live
        if taken.resumes or taken.call_sid in self._opening:
            if owner is not None and owner.worker:  # served under this name before a restart
                await self.moved(taken.call_sid, owner.address)
            raise NotHereError("the call is over, or another stream of it is being opened")
        self._opening.add(taken.call_sid)
        try:
            return await self._begin(place, taken)
        finally:
            self._opening.discard(taken.call_sid)

    async def _begin(self, place: Place, taken: Ticket) -> TwilioTransport:
        if taken.call_sid not in self._promises:
            await self._promise_here(place.line, taken)
        promise = self._promises.pop(taken.call_sid)
        promise.lapse.cancel()
        try:
            await self._book.hold(taken.call_sid, promise.grant.config.limits.max_call_seconds)
        except BaseException:
            self._taker.withdraw(self._held_as(taken.call_sid, self._worker))
            raise
        return self._serve(place, taken, promise.grant)

    def _read_ticket(self, started: Started) -> tuple[Place, Ticket]:
        text = started.parameters.get(ticket.PARAMETER, "")
        try:
            place = self._place_of(ticket.agent_of(text))
            taken = ticket.read(text, place.auth_token, time.time())
        except (BadTicketError, SecretFileError) as error:
            raise StreamError(Fault.TOKEN, f"the token is not good: {error}") from error
        whose = (started.call_sid, started.account_sid)
        if whose != (taken.call_sid, place.line.twilio.account_sid):
            raise StreamError(Fault.TOKEN, "the token is for another call")
        return place, taken

    def _place_of(self, agent: str) -> Place:
        line = self._lines(agent)
        if line is None:
            raise BadTicketError("for an agent that is not here")
        return Place.of(line)

    async def _promise_here(self, line: Line, taken: Ticket) -> None:
        """The promise was another worker's, or has lapsed."""
        moved_from = self._held_as(taken.call_sid, taken.worker)
        if line.dispatch is not None:
            refusal = await self._promise(line.dispatch, taken, moved_from)
            if refusal is None:
                return
        await self._book.expect(taken.call_sid, place=False)
        raise NotHereError("no place for the call")

    def _serve(self, place: Place, taken: Ticket, grant: Grant) -> TwilioTransport:
        info = CallInfo(
            call_id=taken.call_sid,
            agent=grant.dispatch.agent,
            revision=grant.dispatch.revision,
            channel=Channel.TWILIO,
            direction=taken.direction,
            caller=taken.caller,
            called=taken.called,
            job_id=self._held_as(taken.call_sid, self._worker),
        )
        transport = self._live_call(place, info)
        self._taker.take(info.job_id, transport)
        return transport

    def _live_call(self, place: Place, info: CallInfo) -> TwilioTransport:
        async def over(goes_on: bool) -> None:
            await self._over(place, transport, goes_on)

        transport = TwilioTransport(info, over, self._sound, self._fence)
        self._live[info.call_id] = transport
        return transport

    async def _over(self, place: Place, transport: TwilioTransport, goes_on: bool) -> None:
        """The call is over here; at Twilio, or at another worker, it may still go on."""
        call_sid = transport.info.call_id
        if self._live.get(call_sid) is transport:
            del self._live[call_sid]
        if transport.removed:
            return
        await self._book.forget(call_sid)
        if goes_on:
            await self._complete(place, call_sid)

    async def _complete(self, place: Place, call_sid: str) -> None:
        try:
            await self._calls.complete(place.line.twilio, place.auth_token, call_sid)
        except TwilioApiError as error:
            _log.warning("call ends with its stream: %s", error, extra={"call_id": call_sid})

    # --- calls that have lost their worker --------------------------------------------------

    async def moved(self, call_sid: str, address: str) -> None:
        """Wait, not for long, until a call is served elsewhere than at `address`, or is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MOVE_SECONDS):
                while call_sid not in self._live:
                    owner = await self._book.owner(call_sid)
                    if owner is None or owner.address != address:
                        return
                    await asyncio.sleep(_LOOK_SECONDS)

    async def take_up(self, snapshot: CallSnapshot, seconds: int) -> TwilioTransport | None:
        """Go on with a call that this worker was given: wait for the stream that Twilio opens.

        Streams of it are led here from now on. None if none comes: then the call is over.
        """
        try:
            place = self._place_of(snapshot.dispatch.agent)
        except (BadTicketError, SecretFileError) as error:
            _log.error("a lost call has no line: %s", error, extra={"call_id": snapshot.call_id})
            return None
        info = CallInfo(
            call_id=snapshot.call_id,
            agent=snapshot.dispatch.agent,
            revision=snapshot.dispatch.revision,
            channel=Channel.TWILIO,
            direction=snapshot.direction,
            caller=snapshot.caller,
            called=snapshot.called,
            job_id=snapshot.job_id,
        )
        transport = self._live_call(place, info)
        await self._book.hold(snapshot.call_id, seconds)
        if await transport.wait_for_stream():
            return transport
        await transport.hang_up()
        return None

    async def end(self, snapshot: CallSnapshot) -> None:
        """Nobody can go on with a call: its caller, who hears silence, is put out."""
        await self._book.forget(snapshot.call_id)
        with suppress(BadTicketError, SecretFileError):
            await self._complete(self._place_of(snapshot.dispatch.agent), snapshot.call_id)

    def on_line(self, line: Line) -> None:
        """End the calls of a line whose Tenant wants that."""
        if line.cut:
            for transport in list(self._live.values()):
                if transport.info.agent == line.agent:
                    transport.cut()


def _stranger(about: Asked | Ticket) -> str:
    """The number at the other end: quotas ask which country it is of."""
    return about.called if about.direction is Direction.OUTBOUND else about.caller


def _refusal(asked: Asked) -> str:
    """Somebody whom the agent calls has picked up already: a busy tone would come too late."""
    return twiml.hang_up() if asked.direction is Direction.OUTBOUND else twiml.reject()
