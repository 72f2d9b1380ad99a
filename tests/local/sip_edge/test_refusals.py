"""Calls that do not come about, and what the peer is told."""

import asyncio
import secrets

import pytest
from livekit import api

from switchboard_local.servers import LiveKitServer
from switchboard_media.sip.message import Response
from tests.local.sip_edge.conftest import MakeLine
from tests.local.sip_edge.edge_process import EdgeProcess, edge_process
from tests.local.sip_edge.phone import phone
from tests.local.sip_edge.tone_agent import tone_agent

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


def _offer(host: str, *, payload_type: int) -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    return "\r\n".join([*lines, f"m=audio 4000 RTP/AVP {payload_type}", ""]).encode()


async def final_of(edge: EdgeProcess, number: str, body: bytes | None = None) -> Response:
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(number, body=body)
        return await caller.final()


async def test_unknown_number_is_not_found_and_the_reason_says_why(edge: EdgeProcess) -> None:
    response = await final_of(edge, "+15559999")
    assert response.status == 404
    assert "no-trunk" in (response.headers.get("Reason") or "")


async def test_number_without_rule_is_not_found(edge: EdgeProcess, make_line: MakeLine) -> None:
    line = await make_line(with_rule=False)
    response = await final_of(edge, line.number)
    assert response.status == 404
    assert "no-rule" in (response.headers.get("Reason") or "")


async def test_wrong_source_address_is_forbidden(edge: EdgeProcess, make_line: MakeLine) -> None:
    line = await make_line(allowed_addresses=["192.0.2.0/24"])
    response = await final_of(edge, line.number)
    assert response.status == 403
    assert "source-not-allowed" in (response.headers.get("Reason") or "")


async def test_wrong_caller_is_forbidden(edge: EdgeProcess, make_line: MakeLine) -> None:
    line = await make_line(allowed_numbers=["+15550777"])
    assert (await final_of(edge, line.number)).status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 488),
        (b"nonsense", 400),
        (_offer("127.0.0.1", payload_type=18), 488),
        (_offer("evil.example", payload_type=0), 488),
    ],
    ids=["no-offer", "no-sdp", "no-common-codec", "host-name"],
)
async def test_sound_that_cannot_be_spoken_is_refused(
    edge: EdgeProcess, make_line: MakeLine, body: bytes, status: int
) -> None:
    line = await make_line()
    assert (await final_of(edge, line.number, body)).status == status


async def test_a_trunk_that_names_codecs_takes_no_other(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    only = {"onlyListedCodecs": True, "codecs": [{"name": "PCMA", "rate": 8000}]}
    line = await make_line(media=only)
    assert (await final_of(edge, line.number, _offer("127.0.0.1", payload_type=0))).status == 488
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        async with tone_agent(livekit, line.room):
            assert (await caller.answered()).codec.name == "PCMA"
            caller.in_dialog("BYE")
            await caller.next_response(lambda r: r.cseq.method == "BYE")


async def test_a_trunk_that_requires_encryption_is_refused_with_the_reason(
    edge: EdgeProcess, make_line: MakeLine
) -> None:
    line = await make_line(media={"encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"})
    response = await final_of(edge, line.number)
    assert response.status == 488
    assert "requires SRTP" in (response.headers.get("Reason") or "")


async def test_the_right_password_gets_through(
    edge: EdgeProcess, livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line(auth_username="carrier", auth_password="right")
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        challenge = await caller.next_response(lambda r: r.final)
        assert challenge.status == 407
        caller.invite_with_password(challenge, "carrier", "right")
        async with tone_agent(livekit, line.room):
            await caller.answered()
            caller.in_dialog("BYE")
            await caller.next_response(lambda r: r.cseq.method == "BYE")


@pytest.mark.parametrize(("user", "password"), [("carrier", "wrong"), ("other", "right")])
async def test_a_wrong_password_or_name_does_not(
    edge: EdgeProcess, make_line: MakeLine, user: str, password: str
) -> None:
    line = await make_line(auth_username="carrier", auth_password="right")
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        challenge = await caller.next_response(lambda r: r.final)
        caller.invite_with_password(challenge, user, password)
        assert (await caller.final()).status == 401


async def test_cancel_while_ringing_ends_the_call_and_empties_the_room(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        await caller.next_response(lambda r: r.status == 180)
        async with tone_agent(livekit, line.room, play=False) as agent:
            joined = await asyncio.wait_for(agent.caller.get(), 5)
            caller.cancel()
            cancelled = await caller.next_response(lambda r: r.cseq.method == "CANCEL")
            assert cancelled.status == 200
            assert (await caller.final()).status == 487
            # Asked of the server: other participants are not always told of one that leaves before
            # its connection stands.
            async with asyncio.timeout(5):
                while joined.identity in await _people(livekit_api, line.room):
                    pass
    ended = await edge.logged("call ended", room=line.room)
    assert ended["outcome"] == "cancelled"


async def test_cancel_at_once_leaves_nobody_behind_in_the_room(
    edge: EdgeProcess, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        await caller.next_response(lambda r: r.status == 180)
        caller.cancel()
        assert (await caller.final()).status == 487
    await edge.logged("call ended", room=line.room)
    # The server takes a moment to forget a participant, and 20 s where none has left.
    async with asyncio.timeout(5):
        while await _people(livekit_api, line.room):
            pass


async def _people(livekit_api: api.LiveKitAPI, room: str) -> list[str]:
    rooms = (await livekit_api.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
    if not rooms:
        return []
    found = await livekit_api.room.list_participants(api.ListParticipantsRequest(room=room))
    return [participant.identity for participant in found.participants]


async def test_end_of_the_room_while_ringing_is_busy(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        await caller.next_response(lambda r: r.status == 180)
        async with tone_agent(livekit, line.room, play=False) as agent:
            await agent.hears(1)
            await livekit_api.room.delete_room(api.DeleteRoomRequest(room=line.room))
            assert (await caller.final()).status == 486


async def test_removal_of_the_caller_while_ringing_is_busy(
    edge: EdgeProcess, livekit: LiveKitServer, livekit_api: api.LiveKitAPI, make_line: MakeLine
) -> None:
    line = await make_line()
    async with phone(edge.address, "+15550199") as caller:
        caller.invite(line.number)
        await caller.next_response(lambda r: r.status == 180)
        async with tone_agent(livekit, line.room, play=False) as agent:
            await agent.hears(1)
            who = api.RoomParticipantIdentity(room=line.room, identity="sip_+15550199")
            await livekit_api.room.remove_participant(who)
            assert (await caller.final()).status == 486


async def test_nobody_answers_within_the_trunks_ringing_time(
    edge: EdgeProcess, make_line: MakeLine
) -> None:
    line = await make_line(ringing_timeout="1s")
    response = await final_of(edge, line.number)
    assert response.status == 480
    assert "no agent answered within 1 s" in (response.headers.get("Reason") or "")


async def test_a_rule_made_a_moment_ago_is_found(edge: EdgeProcess, make_line: MakeLine) -> None:
    assert (await final_of(edge, "+15559999")).status == 404
    line = await make_line(ringing_timeout="1s")
    assert (await final_of(edge, line.number)).status == 480


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "REFER", "PRACK", "REGISTER", "FOO"])
async def test_other_methods_are_not_allowed(edge: EdgeProcess, method: str) -> None:
    async with phone(edge.address, "+15550199") as caller:
        caller.send(bytes(caller.request(method, "+15550100")))
        response = await caller.next_response(lambda r: r.final)
    assert response.status == 405
    assert "INVITE" in (response.headers.get("Allow") or "")


async def test_options_is_answered_once_livekit_is_reached(edge: EdgeProcess) -> None:
    async with phone(edge.address, "+15550199") as caller:
        caller.send(bytes(caller.request("OPTIONS", "edge")))
        assert (await caller.next_response(lambda r: r.final)).status == 200


async def test_bye_of_an_unknown_call_is_told_so(edge: EdgeProcess) -> None:
    async with phone(edge.address, "+15550199") as caller:
        caller.send(bytes(caller.request("BYE", "+15550100")))
        assert (await caller.next_response(lambda r: r.final)).status == 481


async def test_drop_unrouted_rings_and_then_says_nothing(livekit: LiveKitServer) -> None:
    async with (
        edge_process(livekit, ["--drop-unrouted"]) as edge,
        phone(edge.address, "+15550199") as caller,
    ):
        caller.invite("+15559999")
        await caller.next_response(lambda r: r.status == 180)
        await edge.logged("call ended", outcome="unrouted")
        with pytest.raises(TimeoutError):
            await caller.next_response(lambda r: r.final, timeout_s=0.5)


async def test_full_edge_says_busy_and_stopping_edge_says_bye(
    livekit: LiveKitServer, make_line: MakeLine
) -> None:
    line = await make_line()
    async with (
        edge_process(livekit, ["--max-calls", "1"]) as edge,
        phone(edge.address, "+15550199") as caller,
    ):
        caller.invite(line.number)
        async with tone_agent(livekit, line.room):
            await caller.answered()
            assert (await final_of(edge, line.number)).status == 503
            edge.stop()
            await caller.next_request("BYE")
            ended = await edge.logged("call ended", room=line.room)
            assert ended["outcome"] == "shutdown"


async def test_garbage_is_counted_and_the_edge_lives_on(edge: EdgeProcess) -> None:
    async with phone(edge.address, "+15550199") as caller:
        request = bytes(caller.request("OPTIONS", "edge"))
        for _ in range(10):
            for _ in range(20):
                caller.send(secrets.token_bytes(secrets.randbelow(900)))
            for cut in range(0, len(request), 29):
                caller.send(request[:cut])
            # An answer to a request of our own says that all before it was read.
            caller.send(bytes(caller.request("OPTIONS", "edge")))
            assert (await caller.next_response(lambda r: r.final)).status == 200
    assert edge.process.returncode is None
