"""Whole calls: a phone on loopback, the edge as a process, a real LiveKit, an agent with a tone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest
from livekit import api

from switchboard_local.servers import LiveKitServer
from switchboard_media import dtmf, sdp
from switchboard_media.codec import G722, PCMA, PCMU, Codec
from switchboard_media.sdp import Direction
from switchboard_media.sdp_audio import RtpAddress, offer_audio
from tests.local.sip_edge.conftest import Line, MakeLine
from tests.local.sip_edge.edge_process import EdgeProcess
from tests.local.sip_edge.phone import Phone, loudest_hz, phone
from tests.local.sip_edge.tone_agent import RATE_HZ, ToneAgent, tone_agent

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

CALLER_HZ, AGENT_HZ = 440.0, 700.0


@contextlib.asynccontextmanager
async def talking(
    edge: EdgeProcess, livekit: LiveKitServer, line: Line, *, codec: Codec = PCMU
) -> AsyncIterator[tuple[Phone, ToneAgent]]:
    """Set up a call in which both sides play their tone."""
    async with phone(edge.address, "+15550199") as caller:
        caller.tone_hz = CALLER_HZ
        caller.invite(line.number, codecs=[codec])
        await caller.next_response(lambda r: r.status == 180)
        async with (
            tone_agent(livekit, line.room, tone_hz=AGENT_HZ) as agent,
            asyncio.TaskGroup() as tasks,
        ):
            await caller.answered()
            talk = tasks.create_task(caller.talk())
            yield caller, agent
            talk.cancel()


async def edge_joined(livekit_api: api.LiveKitAPI, room: str) -> None:
    async with asyncio.timeout(5):
        while not (await livekit_api.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms:
            pass


async def both_hear(caller: Phone, agent: ToneAgent, frames: int) -> None:
    await caller.hears(frames)
    await agent.hears(frames)


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722], ids=lambda codec: codec.name)
async def test_both_sides_hear_each_others_tone(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine, codec: Codec
) -> None:
    line = await make_line()
    async with talking(edge, livekit, line, codec=codec) as (caller, agent):
        await both_hear(caller, agent, 100)
        at_agent = np.concatenate(agent.heard[-50:])
        at_phone = caller.heard_pcm(50)[codec.samples(200) :]
    assert loudest_hz(at_agent, RATE_HZ) == pytest.approx(CALLER_HZ, abs=4)
    assert loudest_hz(at_phone, codec.sample_rate_hz) == pytest.approx(AGENT_HZ, abs=4)
    assert 6000 < np.abs(at_agent).max() < 16_000
    assert 6000 < np.abs(at_phone).max() < 16_000


async def test_it_rings_until_the_agent_publishes_sound_then_answers(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line()
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        await caller.next_response(lambda r: r.status == 100)
        await caller.next_response(lambda r: r.status == 180)
        async with tone_agent(livekit, line.room, play=False) as agent:
            await asyncio.wait_for(agent.caller.get(), 5)
            with pytest.raises(TimeoutError):
                await caller.next_response(lambda r: r.final, timeout_s=0.7)
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(agent.play())
                await caller.answered()
                caller.in_dialog("BYE")
                await caller.next_response(lambda r: r.cseq.method == "BYE")
                playing.cancel()


async def test_the_caller_is_a_sip_participant_with_livekit_sips_attributes(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line(
        agents=("ns.desk",), headers_to_attributes={"X-Account": "account"}, headers={"X-Hi": "yes"}
    )
    async with phone(edge.address, "+15550199") as caller:
        invite = caller.invite(
            line.number, headers=[("X-Lk-Test-Id", "call-7"), ("X-Account", "A1")]
        )
        # The server dispatches what the caller's token names only if the caller makes the room.
        await edge_joined(livekit_api, line.room)
        async with tone_agent(livekit, line.room) as agent:
            response = await caller.final()
            participant = await asyncio.wait_for(agent.caller.get(), 5)
            attributes = dict(participant.attributes)
            call_id = attributes.pop("sip.callID")
            dispatches = await livekit_api.agent_dispatch.list_dispatch(line.room)
            assert response.headers.get("X-Hi") == "yes"
    assert call_id.startswith("SCL_")
    assert attributes.pop("sip.callStatus") in {"ringing", "active"}
    assert attributes == {
        "sip.callIDFull": invite.call_id,
        "sip.callTag": invite.sender.tag,
        "sip.trunkID": line.trunk,
        "sip.ruleID": line.rule,
        "sip.phoneNumber": "+15550199",
        "sip.trunkPhoneNumber": line.number,
        "sip.hostname": "caller.example",
        "lktest.id": "call-7",
        "account": "A1",
    }
    assert participant.identity == "sip_+15550199"
    assert participant.metadata == '{"of": "test"}'
    assert participant.kind == 3
    assert [dispatch.agent_name for dispatch in dispatches] == ["ns.desk"]


async def test_keys_go_both_ways(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line()
    async with talking(edge, livekit, line) as (caller, agent):
        await both_hear(caller, agent, 10)
        for key in "5#":
            caller.press(key)
            assert await asyncio.wait_for(agent.keys.get(), 5) == key
        for digit in "35a":
            await agent.room.local_participant.publish_dtmf(
                code=dtmf.KEYS.index(digit.upper()), digit=digit
            )
        assert [await asyncio.wait_for(caller.keys.get(), 5) for _ in range(3)] == ["3", "5", "A"]
        await both_hear(caller, agent, 20)


async def test_bye_of_the_caller_takes_the_participant_out_of_the_room(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line()
    async with talking(edge, livekit, line) as (caller, agent):
        await both_hear(caller, agent, 5)
        caller.in_dialog("BYE")
        response = await caller.next_response(lambda r: r.cseq.method == "BYE")
        assert response.status == 200
        await asyncio.wait_for(agent.caller_left.wait(), 5)
    ended = await edge.logged("call ended", room=line.room)
    assert ended["outcome"] == "caller-hung-up"


async def test_end_of_the_room_is_a_bye_for_the_caller(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with talking(edge, livekit, line) as (caller, agent):
        await both_hear(caller, agent, 5)
        await livekit_api.room.delete_room(api.DeleteRoomRequest(room=line.room))
        await caller.next_request("BYE")
    ended = await edge.logged("call ended", room=line.room)
    assert ended["outcome"] == "room-ended"


async def test_removal_of_the_caller_is_a_bye(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with talking(edge, livekit, line) as (caller, agent):
        await both_hear(caller, agent, 5)
        who = api.RoomParticipantIdentity(room=line.room, identity="sip_+15550199")
        await livekit_api.room.remove_participant(who)
        await caller.next_request("BYE")


async def test_a_caller_hears_a_track_while_it_is_subscribed_and_only_then(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with talking(edge, livekit, line) as (caller, agent):
        (track,) = agent.room.local_participant.track_publications
        for wanted in (True, False, True):
            request = api.UpdateSubscriptionsRequest(
                room=line.room,
                identity="sip_+15550199",
                track_sids=[track],
                subscribe=wanted,
            )
            await livekit_api.room.update_subscriptions(request)
            async with asyncio.timeout(5):
                await caller.hears(20)
                while bool(np.abs(caller.heard_pcm(10)).max() > 50) is not wanted:
                    await caller.hears(5)
            await caller.hears(50)
            peak = np.abs(caller.heard_pcm(50)).max()
            assert peak > 6000 if wanted else peak < 50


async def test_reinvite_moves_the_sound_and_can_hold_it(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line()
    async with (
        phone(edge.address, "+15550198") as elsewhere,
        talking(edge, livekit, line) as (caller, agent),
    ):
        await both_hear(caller, agent, 5)
        local = RtpAddress("127.0.0.1", elsewhere.rtp_port)
        offer = offer_audio(local=local, session_id=1, session_version=1, codecs=[PCMU])
        caller.in_dialog("INVITE", sdp.serialize(offer))
        response = await caller.next_response(lambda r: r.final)
        assert response.status == 200
        assert sdp.parse(response.body).media[0].port == caller.audio.remote.port  # type: ignore[union-attr] # answered
        caller.acknowledge()
        await elsewhere.hears(20)
        hold = offer_audio(local=local, session_id=1, codecs=[PCMU], direction=Direction.SENDONLY)
        caller.in_dialog("INVITE", sdp.serialize(hold))
        await caller.next_response(lambda r: r.final)
        caller.acknowledge()
        await asyncio.sleep(0.1)
        held = len(elsewhere.rtp_packets)
        await agent.hears(40)
        assert len(elsewhere.rtp_packets) == held


async def test_a_caller_without_rtp_is_hung_up(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line()
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        async with tone_agent(livekit, line.room):
            await caller.answered()
            await caller.next_request("BYE")
    ended = await edge.logged("call ended", room=line.room)
    assert ended["outcome"] == "media-timeout"


async def test_the_trunk_bounds_the_call(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line(max_call_duration="1s")
    async with talking(edge, livekit, line) as (caller, _):
        await caller.next_request("BYE")
    ended = await edge.logged("call ended", room=line.room)
    assert ended["outcome"] == "max-duration"
    assert 950 <= int(str(ended["talk_ms"])) < 2000
