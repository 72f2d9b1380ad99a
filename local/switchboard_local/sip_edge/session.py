"""One call, driven: facts from SIP, RTP and the room go into `call.Call`, its commands come out.

All but joining and leaving the room happens at once on the loop. What must be awaited is queued to
the call's one task, which also makes sure that a call cancelled while it joins still leaves.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from switchboard_contract.names import TEST_ID_ATTRIBUTE
from switchboard_local.sip_edge import call_model as calls
from switchboard_local.sip_edge.admission import Admission, Challenged, Welcome, invite_of
from switchboard_local.sip_edge.admit import Caller, CallIds, admit
from switchboard_local.sip_edge.bridge import Bridge, CallerRoom
from switchboard_local.sip_edge.call import Call
from switchboard_local.sip_edge.call_loop import CallLoop
from switchboard_local.sip_edge.invite import InviteSide
from switchboard_local.sip_edge.json_log import log
from switchboard_local.sip_edge.pacer import Pacer
from switchboard_local.sip_edge.room import RoomListener, caller_token
from switchboard_local.sip_edge.rtp_leg import RtpPorts
from switchboard_local.sip_edge.settings import EdgeSettings
from switchboard_media import sdp
from switchboard_media.errors import MalformedSdp
from switchboard_media.sdp_audio import NoCommonAudio
from switchboard_media.sip.message import Request
from switchboard_media.sip.transaction import Key

IGNORED_S = 180.0
"""After this long an INVITE that was met with silence is closed, to free its transaction."""

LEAVE_TIMEOUT_S = 3.0
FIRST_MEDIA_WAIT_S = 1.0
"""After this long without a packet the room is told `active` all the same."""

_ID_CHARACTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ID_LENGTH = 12

_LOGGER = logging.getLogger(__name__)

MakeRoom = Callable[[RoomListener, int], CallerRoom]


@dataclass(slots=True)
class EdgeParts:
    """What all calls share."""

    settings: EdgeSettings
    admission: Admission
    ports: RtpPorts
    pacer: Pacer
    make_room: MakeRoom
    join_gate: asyncio.Semaphore
    byes: set[Key] = field(default_factory=set)
    """BYEs that no peer has answered yet."""


def random_id() -> str:
    """Make an id as LiveKit writes its own."""
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))


async def leave(room: CallerRoom, call: str) -> None:
    """Leave the room of a call that is over; never raises."""
    try:
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            await room.leave()
    except Exception as error:  # noqa: BLE001 - the call is over; the server drops the participant by itself
        log(_LOGGER, logging.WARNING, "leave failed", call=call, error=repr(error))


class CallSession:
    """One incoming call."""

    def __init__(self, parts: EdgeParts, side: InviteSide) -> None:
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self.side = side
        self._call = Call(self._loop.time())
        self._driver: CallLoop[calls.Event, calls.Command] = CallLoop(
            self._call, self._do, tick=calls.Tick(), failed=calls.Failed
        )
        self._active_timer: asyncio.TimerHandle | None = None
        self._bridge: Bridge | None = None
        self._room: CallerRoom | None = None
        self._caller: Caller | None = None
        self._welcome: Welcome | None = None
        self._answer_body = b""
        self._end: calls.End | None = None
        self._announced = False
        self._id = f"SCL_{random_id()}"

    def feed(self, event: calls.Event) -> None:
        """Take a fact and do what follows."""
        self._driver.feed(event)

    async def run(self) -> None:
        """Live from the INVITE until the room is left."""
        try:
            await self._driver.run(self._decide)
        finally:
            self._release()
            if self._room is not None:
                await leave(self._room, self._id)
            self._report()

    async def _decide(self) -> None:
        request = self.side.request
        invite = invite_of(request, self.side.source[0])
        decision = await self._parts.admission.decide(request, invite, self._loop.time())
        match decision:
            case calls.Declined():
                self.feed(decision)
            case Challenged(header, text):
                if self._end is None:
                    self.side.reject(407, text, [("Proxy-Authenticate", header)])
                self.feed(calls.Declined(407, calls.Outcome.CHALLENGED, text))
            case Welcome():
                await self._welcomed(decision)
            case _:
                assert_never(decision)

    async def _welcomed(self, welcome: Welcome) -> None:
        """Make the phone's leg and the caller's participant, then ring."""
        settings, request = self._parts.settings, self.side.request
        self._welcome = welcome
        rate_hz = welcome.audio.codec.sample_rate_hz
        self._bridge = Bridge(welcome.audio, self, self._parts.pacer, room_rate_hz=rate_hz)
        self._answer_body = await self._bridge.open_port(
            self._parts.ports, settings.listen_ip, settings.advertised_ip, welcome.offer
        )
        ids = CallIds(self._id, request.call_id, request.sender.tag or "")
        invite = invite_of(request, self.side.source[0])
        self._caller = admit(welcome.route, invite, ids, request.headers.items, random_id)
        self.feed(calls.Admitted(settings.limits_of(welcome.route.trunk)))

    def _do(self, command: calls.Command) -> None:
        match command:
            case calls.Ring():
                self.side.progress(180)
            case calls.Join():
                self._driver.queue(self._join)
            case calls.Accept():
                self._accept()
            case calls.Reject(status, text):
                self.side.reject(status, text)
            case calls.Ignore():
                self._loop.call_later(IGNORED_S, self.side.reject, 408, "ignored")
            case calls.Bye(text):
                self._parts.byes.add(self.side.dialog.bye(text))
            case calls.End():
                self._finish(command)
            case _:
                assert_never(command)

    async def _join(self) -> None:
        caller, bridge, settings = self._caller, self._bridge, self._parts.settings
        if caller is None or bridge is None:
            return
        async with self._parts.join_gate:
            if self._end is not None:
                return
            self._room = self._parts.make_room(self, bridge.room_rate_hz)
            token = caller_token(caller, settings.livekit_key, settings.livekit_secret)
            try:
                await self._room.join(settings.livekit_ws_url, token)
            except Exception as error:  # noqa: BLE001 - the SDK raises bare exceptions
                log(_LOGGER, logging.WARNING, "join failed", call=self._id, error=str(error))
                self.feed(calls.JoinFailed("the room could not be joined"))
                return
        if self._end is None:
            bridge.attach(self._room)
            self.feed(calls.Joined())

    def _accept(self) -> None:
        trunk = self._welcome.route.trunk if self._welcome else None
        if self._bridge is not None:
            self._bridge.start()
        self.side.accept(self._answer_body, trunk.headers if trunk else {})
        self._active_timer = self._loop.call_later(FIRST_MEDIA_WAIT_S, self._announce)

    def _announce(self) -> None:
        """Tell the room that the caller is on the line."""
        room = self._room
        if not self._announced and room is not None:
            self._announced = True
            self._driver.queue(lambda: room.set_status("active"))

    def _finish(self, end: calls.End) -> None:
        self._end = end
        self._release()

    def _release(self) -> None:
        """Stop sound and timers; safe to call twice."""
        self._driver.finish()
        if self._active_timer is not None:
            self._active_timer.cancel()
        if self._bridge is not None:
            self._bridge.close()

    def on_caller_key(self, key: str) -> None:
        """Pass a key on to the room."""
        room = self._room
        if room is not None:
            self._driver.queue(lambda: room.press(key))

    def on_caller_packet(self) -> None:
        """Note that the caller is there."""
        self._call.heard_media(self._loop.time())
        if not self._announced and self._call.answered_s is not None:
            self._announce()

    def on_agent_heard(self) -> None:
        """Answer: somebody is there to speak."""
        self.feed(calls.AgentHeard())

    def on_room_closed(self, text: str) -> None:
        """Hang up: the room is gone."""
        self.feed(calls.RoomClosed(f"room: {text}"))

    def on_room_key(self, key: str) -> None:
        """Play a key to the caller."""
        if self._bridge is not None:
            self._bridge.press(key)

    def on_request(self, key: Key, request: Request) -> None:
        """Answer a request in this call's dialog."""
        if request.method == "BYE":
            self.side.dialog.again(key, request)
            self.feed(calls.HungUp())
        elif self._call.answered_s is None:
            self.side.dialog.refuse(key, request, 491, "the first INVITE is not answered yet")
        else:
            self._reinvite(key, request)

    def _reinvite(self, key: Key, request: Request) -> None:
        """Move the caller's RTP address; the codec stays, as with livekit-sip."""
        if request.body and self._bridge is not None:
            try:
                self._bridge.move(sdp.parse(request.body))
            except (MalformedSdp, NoCommonAudio) as error:
                self.side.dialog.refuse(key, request, 488, str(error))
                return
        self.side.dialog.again(key, request)

    def _report(self) -> None:
        """Log how the call went: one line, typed outcome, no content."""
        end = self._end or calls.End(calls.Outcome.INTERNAL_ERROR, "the call's task ended early")
        call, caller, route = self._call, self._caller, self._welcome and self._welcome.route
        ended_s = call.ended_s or self._loop.time()
        answered_s = call.answered_s or ended_s
        log(
            _LOGGER,
            logging.INFO,
            "call ended",
            call=self._id,
            sip_call_id=self.side.request.call_id,
            outcome=end.outcome.value,
            text=end.text,
            called=self.side.request.recipient.uri.user,
            trunk=route.trunk.id if route and route.trunk else "",
            rule=route.rule.id if route else "",
            room=caller.room if caller else "",
            test_id=caller.attributes.get(TEST_ID_ATTRIBUTE, "") if caller else "",
            setup_ms=round(1000 * (answered_s - call.arrived_s)),
            talk_ms=round(1000 * (ended_s - answered_s)),
            **(self._bridge.counters() if self._bridge else {}),
        )
