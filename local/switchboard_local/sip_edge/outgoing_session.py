"""One placed call, driven: facts from SIP, RTP and the room go into `outgoing.OutgoingCall`.

Its commands come out here. `placed` is what livekit-server is told: LiveKit's name of the
participant, or a `CannotPlaceError`.
"""

import asyncio
import contextlib
import logging
from typing import assert_never

from switchboard_local.sip_edge import outgoing_model as calls
from switchboard_local.sip_edge.admit import MAX_ATTRIBUTE
from switchboard_local.sip_edge.bridge import Bridge, CallerRoom, unsettled
from switchboard_local.sip_edge.call_loop import CallLoop
from switchboard_local.sip_edge.call_model import (
    Bye,
    End,
    Failed,
    HungUp,
    Joined,
    JoinFailed,
    Limits,
    Outcome,
    RoomClosed,
    Tick,
)
from switchboard_local.sip_edge.dialog_side import SipSender
from switchboard_local.sip_edge.json_log import log
from switchboard_local.sip_edge.outgoing import OutgoingCall, State
from switchboard_local.sip_edge.outgoing_invite import OutgoingInvite
from switchboard_local.sip_edge.outgoing_request import CallRequest, CannotPlaceError
from switchboard_local.sip_edge.room import caller_token
from switchboard_local.sip_edge.session import EdgeParts, leave
from switchboard_media import sdp
from switchboard_media.errors import MalformedMessage, MalformedSdp
from switchboard_media.sdp_audio import NoCommonAudio
from switchboard_media.sip.message import Request, Response
from switchboard_media.sip.transaction import Address, Key

ROOM_RATE_HZ = 16_000
"""The room is joined before the phone chooses a codec: that of the best."""

HANGUP_S = 1.0
"""Longest wait for the room to take in that the call is over, before it is left."""

_BROKEN = calls.Fault("internal", "the call's task ended early")
_LOGGER = logging.getLogger(__name__)


class OutgoingSession:
    """One placed call."""

    def __init__(
        self,
        parts: EdgeParts,
        sender: SipSender,
        wanted: CallRequest,
        to: Address,
        limits: Limits,
    ) -> None:
        self._parts = parts
        self._sender = sender
        self._wanted = wanted
        self._to = to
        self._loop = asyncio.get_running_loop()
        self._call = OutgoingCall(self._loop.time(), limits, wait=wanted.wait)
        self._driver: CallLoop[calls.Event, calls.Command] = CallLoop(
            self._call, self._do, tick=Tick(), failed=Failed
        )
        self._bridge = Bridge(
            unsettled(wanted.codecs), self, parts.pacer, room_rate_hz=ROOM_RATE_HZ
        )
        self._room: CallerRoom | None = None
        self._joined = False
        self._end: End | None = None
        self._shown: dict[str, str] = {}
        self.side: OutgoingInvite | None = None
        self.placed: asyncio.Future[str] = self._loop.create_future()

    def feed(self, event: calls.Event) -> None:
        """Take a fact and do what follows."""
        self._driver.feed(event)

    async def run(self) -> None:
        """Live from the request until the room is left."""
        try:
            await self._driver.run(self._start)
        finally:
            self._release()
            await self._leave()
            if not self.placed.done():
                self.placed.set_exception(CannotPlaceError(_BROKEN))
            self._report()

    async def _start(self) -> None:
        """Open the phone's leg and join the room."""
        wanted, settings = self._wanted, self._parts.settings
        offer = await self._bridge.open_offer(
            self._parts.ports, settings.listen_ip, settings.advertised_ip, wanted.codecs
        )
        try:
            self.side = OutgoingInvite(self._sender, wanted, self._to, offer)
        except MalformedMessage as error:
            fault = calls.Fault("invalid_argument", f"no INVITE can be made of this: {error}")
            self.feed(calls.Refused(fault))
            return
        async with self._parts.join_gate:
            if self._end is None:
                await self._join()

    async def _join(self) -> None:
        wanted, settings = self._wanted, self._parts.settings
        room = self._room = self._parts.make_room(self, ROOM_RATE_HZ)
        token = wanted.token or caller_token(
            wanted.participant, settings.livekit_key, settings.livekit_secret
        )
        try:
            await room.join(wanted.ws_url or settings.livekit_ws_url, token)
        except Exception as error:  # noqa: BLE001 - the SDK raises bare exceptions
            log(_LOGGER, logging.WARNING, "join failed", call=wanted.call_id, error=str(error))
            self.feed(JoinFailed("the room could not be joined"))
            return
        if self._end is None:
            self._joined = True
            self._bridge.attach(room)
            self.feed(Joined())

    def _do(self, command: calls.Command) -> None:
        match command:
            case calls.SendInvite() | calls.SendCancel() | Bye():
                self._tell_phone(command)
            case calls.Succeed() | calls.Fail():
                self._tell_server(command)
            case calls.Talk():
                self._bridge.start()
                self._bridge.press_all(self._wanted.keys)
            case calls.Show(status):
                self._show(status)
            case calls.Leave():
                self._bridge.close()
                self._driver.queue(self._leave)
            case End():
                self._end = command
                self._release()
            case _:
                assert_never(command)

    def _tell_phone(self, command: calls.SendInvite | calls.SendCancel | Bye) -> None:
        side = self.side
        if side is None:
            return
        match command:
            case calls.SendInvite():
                side.send()
            case calls.SendCancel():
                side.cancel()
            case Bye(text):
                if side.dialog is not None:
                    self._parts.byes.add(side.dialog.bye(text))

    def _tell_server(self, command: calls.Succeed | calls.Fail) -> None:
        if self.placed.done():
            return
        if isinstance(command, calls.Fail):
            self.placed.set_exception(CannotPlaceError(command.fault))
        else:
            self.placed.set_result(self._room.participant_id if self._room is not None else "")

    def _show(self, status: str) -> None:
        room, shown = self._room, dict(self._shown)
        if room is not None:
            self._driver.queue(lambda: room.set_status(status, shown))

    async def _leave(self) -> None:
        room, self._room = self._room, None
        if room is None:
            return
        if self._joined:
            with contextlib.suppress(Exception):  # the room may be gone by now
                async with asyncio.timeout(HANGUP_S):
                    await room.set_status("hangup")
        await leave(room, self._wanted.call_id)

    def _release(self) -> None:
        """Stop sound and timers; safe to call twice."""
        self._driver.finish()
        self._bridge.close()

    def on_response(self, response: Response) -> None:
        """Take a response to the INVITE."""
        side = self.side
        if side is None:
            return
        try:
            if not response.final:
                self.feed(calls.Provisional(response.status))
            elif response.success:
                self._picked_up(side, response)
            elif self._call.state is State.CANCELLING or not side.prove(response):
                self.feed(calls.Refused(_fault(response)))
        except MalformedMessage as error:
            fault = calls.Fault("internal", f"the phone's response: {error}")
            self.feed(calls.Refused(fault))

    def _picked_up(self, side: OutgoingInvite, response: Response) -> None:
        if not side.acknowledge(response):
            return
        try:
            self._bridge.settle(sdp.parse(response.body), self._wanted.codecs)
        except (MalformedSdp, NoCommonAudio) as error:
            self.feed(calls.Unspeakable(f"the phone's SDP: {error}"))
            return
        self._shown = _attributes(self._wanted, response)
        self.feed(calls.PickedUp())

    def on_no_response(self) -> None:
        """Note that the INVITE came to nothing."""
        self.feed(calls.Unreachable())

    def on_request(self, key: Key, request: Request) -> None:
        """Answer a request in this call's dialog."""
        dialog = self.side.dialog if self.side is not None else None
        if dialog is None:
            return
        if request.method == "INVITE" and request.body:
            try:
                dialog.sdp = self._bridge.move(sdp.parse(request.body))
            except (MalformedSdp, NoCommonAudio) as error:
                dialog.refuse(key, request, 488, str(error))
                return
        dialog.again(key, request)
        if request.method == "BYE":
            self.feed(HungUp())

    def on_caller_key(self, key: str) -> None:
        """Pass a key of the phone on to the room."""
        room = self._room
        if room is not None:
            self._driver.queue(lambda: room.press(key))

    def on_caller_packet(self) -> None:
        """Note that the phone is there."""
        self._call.heard_media(self._loop.time())

    def on_agent_heard(self) -> None:
        """Nothing: the phone is not waiting for anybody."""

    def on_room_closed(self, text: str) -> None:
        """Hang up: the room is gone, or the phone was put out of it."""
        self._joined = False
        self.feed(RoomClosed(f"room: {text}"))

    def on_room_key(self, key: str) -> None:
        """Play a key to the phone."""
        self._bridge.press(key)

    def _report(self) -> None:
        """Log how the call went: one line, typed outcome, no content."""
        end = self._end or End(Outcome.INTERNAL_ERROR, "the call's task ended early")
        call, wanted = self._call, self._wanted
        ended_s = call.ended_s or self._loop.time()
        answered_s = call.answered_s or ended_s
        log(
            _LOGGER,
            logging.INFO,
            "placed call ended",
            call=wanted.call_id,
            sip_call_id=self.side.call_id if self.side else "",
            outcome=end.outcome.value,
            text=end.text,
            called=wanted.call_to,
            room=wanted.participant.room,
            setup_ms=round(1000 * (answered_s - call.placed_s)),
            talk_ms=round(1000 * (ended_s - answered_s)),
            **self._bridge.counters(),
        )


_CODES = {
    301: "not_found",
    302: "not_found",
    402: "permission_denied",
    403: "permission_denied",
    404: "not_found",
    408: "deadline_exceeded",
    410: "not_found",
    480: "resource_exhausted",
    486: "resource_exhausted",
    487: "aborted",
    504: "deadline_exceeded",
    600: "resource_exhausted",
    603: "permission_denied",
    604: "not_found",
    607: "permission_denied",
    608: "permission_denied",
}
"""psrpc's word for a SIP status, as livekit/protocol has it (livekit/sip.go)."""

_UNPROVED = (401, 407)
_SERVER_FAULT = 5


def _fault(response: Response) -> calls.Fault:
    """What livekit-sip tells of a refusal; of one for want of credentials it gives no status."""
    status, reason = response.status, response.reason
    if status in _UNPROVED:
        return calls.Fault("failed_precondition", f"the trunk's credentials do not do: {status}")
    other = "failed_precondition" if status // 100 == _SERVER_FAULT else "invalid_argument"
    text = f"INVITE failed: sip status: {status}: {reason}"
    return calls.Fault(_CODES.get(status, other), text, status, reason)


def _attributes(wanted: CallRequest, response: Response) -> dict[str, str]:
    """What the answer adds to the participant."""
    mapped = {
        attribute: value[:MAX_ATTRIBUTE]
        for name, attribute in wanted.headers_to_attributes.items()
        if (value := response.headers.get(name)) is not None
    }
    tag = response.recipient.tag or ""
    return {**mapped, "sip.callIDFull": response.call_id, "sip.callTag": tag}
