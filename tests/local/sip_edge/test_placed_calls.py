"""Placed calls: a real livekit-server asks the edge over a real Redis, and a phone is called."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict
from livekit import api
from livekit.api.twirp_client import SipCallError, TwirpError
from redis.asyncio import Redis

from switchboard_local.servers import LiveKitServer, RedisServer
from switchboard_media.codec import G722, PCMU, Codec
from switchboard_media.sip.digest import Challenge, parse_credentials
from tests.local.sip_edge.called_phone import CalledPhone, called_phone
from tests.local.sip_edge.edge_process import EdgeProcess
from tests.local.sip_edge.phone import Phone, loudest_hz
from tests.local.sip_edge.tone_agent import RATE_HZ, ToneAgent, tone_agent

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

PHONE_HZ, AGENT_HZ = 440.0, 700.0
LOUD, QUIET = 6000, 50
"""Peaks of the tone, and of silence as mu-law has it."""
CALLEE, OURS = "+15550300", "+15550301"
_COUNTER = itertools.count(1)

Placed = api.SIPParticipantInfo | TwirpError


@dataclass(frozen=True, slots=True)
class Desk:
    """A phone, the trunk that leads to it, and a room with an agent."""

    client: api.LiveKitAPI
    phone: CalledPhone
    agent: ToneAgent
    room: str
    trunk: str
    tasks: asyncio.TaskGroup = field(repr=False)

    def call(self, *, wait: bool = True, **more: object) -> asyncio.Task[Placed]:
        """Ask livekit-server for the phone; the task gives the answer or the refusal."""
        request = api.CreateSIPParticipantRequest(
            sip_trunk_id=self.trunk,
            sip_call_to=CALLEE,
            room_name=self.room,
            participant_identity="human",
            participant_name="A Human",
            participant_metadata="{}",
            participant_attributes={"desk": "7"},
            wait_until_answered=wait,
        )
        ParseDict(more, request)
        return self.tasks.create_task(_placed(self.client, request))

    async def answered(self, codec: Codec = PCMU) -> None:
        """Call the phone, pick it up and let it hum."""
        calling = self.call()
        await self.phone.rings()
        await self.phone.pick_up([codec])
        self.phone.tone_hz = PHONE_HZ
        self.tasks.create_task(self.phone.talk())
        assert not isinstance(await calling, TwirpError)

    async def remove(self) -> None:
        """Put the phone out of the room."""
        who = api.RoomParticipantIdentity(room=self.room, identity="human")
        await self.client.room.remove_participant(who)


async def _placed(client: api.LiveKitAPI, request: api.CreateSIPParticipantRequest) -> Placed:
    try:
        return await client.sip.create_sip_participant(request)
    except TwirpError as refusal:
        return refusal


MakeDesk = Callable[..., contextlib.AbstractAsyncContextManager[Desk]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI
) -> MakeDesk:
    await edge.logged("calls are placed")

    @contextlib.asynccontextmanager
    async def opened(**trunk: object) -> AsyncIterator[Desk]:
        room = f"placed-{next(_COUNTER)}"
        async with (
            called_phone(edge.address, CALLEE) as phone,
            tone_agent(livekit, room, tone_hz=AGENT_HZ) as agent,
        ):
            address = f"127.0.0.1:{phone.sip_port}"
            info = api.SIPOutboundTrunkInfo(name=room, address=address, numbers=[OURS])
            ParseDict(trunk, info)
            created = await livekit_api.sip.create_outbound_trunk(
                api.CreateSIPOutboundTrunkRequest(trunk=info)
            )
            try:
                async with asyncio.TaskGroup() as tasks:
                    desk = Desk(livekit_api, phone, agent, room, created.sip_trunk_id, tasks)
                    yield desk
                    for task in list(tasks._tasks):
                        task.cancel()
            finally:
                await livekit_api.sip.delete_trunk(
                    api.DeleteSIPTrunkRequest(sip_trunk_id=created.sip_trunk_id)
                )

    return opened


async def loudness(phone: Phone, packets: int = 50) -> float:
    """Wait for so many packets, and say how loud the agent's tone is in them."""
    await phone.hears(packets)
    pcm = phone.heard_pcm(packets)
    assert phone.audio is not None
    if np.abs(pcm).max() > LOUD:
        assert loudest_hz(pcm, phone.audio.codec.sample_rate_hz) == pytest.approx(AGENT_HZ, abs=16)
    return float(np.abs(pcm).max())


async def shows(desk: Desk, status: str) -> None:
    """Wait until the room is told that the call stands so."""
    changed = asyncio.Event()
    desk.agent.room.on("participant_attributes_changed", lambda *_: changed.set())
    async with asyncio.timeout(5):
        while attributes_of(desk)["sip.callStatus"] != status:
            changed.clear()
            await changed.wait()


async def gone(desk: Desk) -> None:
    """Wait until the room has lost the phone.

    livekit-server is asked, because the others in the room are not always told.
    """
    request = api.ListParticipantsRequest(room=desk.room)
    async with asyncio.timeout(5):
        while any(
            p.identity == "human"
            for p in (await desk.client.room.list_participants(request)).participants
        ):
            pass


@pytest.mark.parametrize("codec", [PCMU, G722], ids=lambda codec: codec.name)
async def test_both_sides_hear_each_others_tone(open_desk: MakeDesk, codec: Codec) -> None:
    async with open_desk() as desk:
        await desk.answered(codec)
        await desk.agent.hears(100)
        await desk.phone.hears(100)
        at_agent = np.concatenate(desk.agent.heard[-50:])
        at_phone = desk.phone.heard_pcm(50)
        assert loudest_hz(at_agent, RATE_HZ) == pytest.approx(PHONE_HZ, abs=4)
        assert loudest_hz(at_phone, codec.sample_rate_hz) == pytest.approx(AGENT_HZ, abs=4)
        assert 6000 < np.abs(at_agent).max() < 16_000
        assert 6000 < np.abs(at_phone).max() < 16_000


async def test_the_phone_is_the_sip_participant_that_was_asked_for(open_desk: MakeDesk) -> None:
    async with open_desk(headers={"X-Trunk": "1"}, headers_to_attributes={"X-Ext": "ext"}) as desk:
        calling = desk.call()
        invite = await desk.phone.rings()
        participant = await asyncio.wait_for(desk.agent.caller.get(), 5)
        attributes = participant.attributes
        assert participant.identity == "human"
        assert participant.name == "A Human"
        assert participant.kind == 3
        await shows(desk, "ringing")
        assert (invite.sender.uri.user, invite.recipient.uri.user) == (OURS, CALLEE)
        assert invite.headers.get("X-Trunk") == "1"
        await desk.phone.pick_up(headers=[("X-Ext", "42")])
        info = await calling
        assert not isinstance(info, TwirpError)
        assert (info.participant_id, info.participant_identity) == (participant.sid, "human")
        assert info.sip_call_id == attributes["sip.callID"]
        await shows(desk, "active")
        assert attributes_of(desk) == {
            "sip.callID": info.sip_call_id,
            "sip.callIDFull": invite.call_id,
            "sip.callTag": desk.phone.tag,
            "sip.callStatus": "active",
            "sip.trunkID": desk.trunk,
            "sip.phoneNumber": CALLEE,
            "sip.trunkPhoneNumber": OURS,
            "sip.hostname": f"127.0.0.1:{desk.phone.sip_port}",
            "desk": "7",
            "ext": "42",
        }


def attributes_of(desk: Desk) -> dict[str, str]:
    return dict(desk.agent.room.remote_participants["human"].attributes)


async def test_who_does_not_wait_gets_the_participant_before_the_phone_rings(
    open_desk: MakeDesk,
) -> None:
    async with open_desk() as desk:
        info = await desk.call(wait=False)
        assert not isinstance(info, TwirpError)
        assert info.participant_identity == "human"
        await desk.phone.rings()
        await desk.phone.pick_up()


async def test_busy_comes_back_with_its_sip_status(open_desk: MakeDesk) -> None:
    async with open_desk() as desk:
        calling = desk.call()
        await desk.phone.rings()
        desk.phone.respond(486)
        refusal = await calling
        assert isinstance(refusal, SipCallError)
        assert (refusal.sip_status_code, refusal.sip_status) == (486, "Busy Here")
        await desk.phone.next_request("ACK")
        await gone(desk)


async def test_nobody_who_answers_is_cancelled(open_desk: MakeDesk, edge: EdgeProcess) -> None:
    async with open_desk() as desk:
        calling = desk.call(ringing_timeout="1s")
        invite = await desk.phone.rings()
        refusal = await calling
        assert isinstance(refusal, TwirpError)
        assert (refusal.code, isinstance(refusal, SipCallError)) == ("canceled", False)
        cancel = await desk.phone.next_request("CANCEL")
        assert cancel.via.branch == invite.via.branch
        await desk.phone.next_request("ACK")
        await gone(desk)
        ended = await edge.logged("placed call ended", room=desk.room)
        assert ended["outcome"] == "ringing-timeout"


async def test_the_phone_hangs_up_and_the_participant_leaves(
    open_desk: MakeDesk, edge: EdgeProcess
) -> None:
    async with open_desk() as desk:
        await desk.answered()
        desk.phone.in_dialog("BYE")
        response = await desk.phone.next_response(lambda r: r.cseq.method == "BYE")
        assert response.status == 200
        await gone(desk)
        ended = await edge.logged("placed call ended", room=desk.room)
        assert ended["outcome"] == "callee-hung-up"


async def test_removal_hangs_up(open_desk: MakeDesk) -> None:
    async with open_desk() as desk:
        await desk.answered()
        await desk.remove()
        await desk.phone.next_request("BYE")


async def test_removal_while_it_rings_cancels(open_desk: MakeDesk) -> None:
    async with open_desk() as desk:
        await desk.call(wait=False)
        await desk.phone.rings()
        await asyncio.wait_for(desk.agent.caller.get(), 5)
        await shows(desk, "ringing")  # one that is put out while it joins would join again
        await desk.remove()
        await desk.phone.next_request("CANCEL")


async def test_the_trunks_password_is_proved(open_desk: MakeDesk) -> None:
    async with open_desk(auth_username="us", auth_password="hush") as desk:
        calling = desk.call()
        await asyncio.wait_for(desk.phone.invites.get(), 5)
        challenge = Challenge(realm="carrier", nonce="n1")
        desk.phone.respond(407, headers=[("Proxy-Authenticate", str(challenge))])
        await desk.phone.next_request("ACK")
        second = await desk.phone.rings()
        given = parse_credentials(second.headers.get("Proxy-Authorization") or "")
        assert (given.username, given.realm, given.uri) == ("us", "carrier", second.uri)
        await desk.phone.pick_up()
        assert not isinstance(await calling, TwirpError)


async def by_the_server(desk: Desk, *, wanted: bool) -> None:
    (track,) = desk.agent.room.local_participant.track_publications
    request = api.UpdateSubscriptionsRequest(
        room=desk.room, identity="human", track_sids=[track], subscribe=wanted
    )
    await desk.client.room.update_subscriptions(request)


async def by_the_publisher(desk: Desk, *, wanted: bool) -> None:
    desk.agent.room.local_participant.set_track_subscription_permissions(
        allow_all_participants=wanted
    )


@pytest.mark.parametrize("subscribe", [by_the_server, by_the_publisher])
async def test_a_track_is_heard_while_it_is_subscribed_and_only_then(
    open_desk: MakeDesk, subscribe: Callable[..., Awaitable[None]]
) -> None:
    async with open_desk() as desk:
        await desk.answered()
        assert await loudness(desk.phone) > LOUD
        for wanted in (False, True, False, True):
            await subscribe(desk, wanted=wanted)
            async with asyncio.timeout(5):
                while (await loudness(desk.phone, 10) > QUIET) is not wanted:
                    pass
            peak = await loudness(desk.phone)
            assert peak > LOUD if wanted else peak < QUIET


async def test_what_cannot_be_read_on_the_channel_is_logged_and_survived(
    open_desk: MakeDesk, edge: EdgeProcess, redis: RedisServer
) -> None:
    async with open_desk() as desk, Redis.from_url(redis.url) as wire:
        for kind in ("REQ", "RCLAIM"):
            for data in (b"", b"\xff" * 40, b"x" * 2_000_000, b"\x0a\x03abc"):
                await wire.publish(f"SIPInternal|CreateSIPParticipant|{kind}", data)
        await edge.logged("malformed psrpc message")
        await desk.answered()
        assert await loudness(desk.phone) > LOUD
