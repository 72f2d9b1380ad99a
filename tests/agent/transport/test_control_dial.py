"""Calling a human through the SIP API: which trunk, what is asked, what its answers mean."""

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.protocol.sip import (
    CreateSIPParticipantRequest,
    ListSIPOutboundTrunkResponse,
    SIPOutboundTrunkInfo,
    SIPParticipantInfo,
)

from switchboard_agent.transport.base import TRANSFER_SECONDS, Transferred
from switchboard_agent.transport.livekit.control import LiveKitRoomControl
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_contract.call_events import TransferResult

PROTOBUF = "application/protobuf"


def trunk(number: int, metadata: str) -> SIPOutboundTrunkInfo:
    return SIPOutboundTrunkInfo(sip_trunk_id=f"ST_{number}", metadata=metadata)


def owned(agent: str, carrier: str) -> str:
    return json.dumps({"uid": "u", "agent": agent, "tenant": "t", "carrier": carrier})


TRUNKS = [
    trunk(1, "not ours"),
    trunk(2, "[]"),
    trunk(3, owned("ns/other", "main")),
    trunk(4, owned("ns/agent", "spare")),
    trunk(5, owned("ns/agent", "main")),
]


async def dialled(
    answer: dict[str, Any] | None = None, *, to: str = "tel:+15550199", carrier: str = "main"
) -> tuple[Transferred, list[CreateSIPParticipantRequest]]:
    """What comes of a dial; `answer` is an error of the server."""
    asked: list[CreateSIPParticipantRequest] = []

    async def trunks(_: web.Request) -> web.Response:
        found = ListSIPOutboundTrunkResponse(items=TRUNKS)
        return web.Response(body=found.SerializeToString(), content_type=PROTOBUF)

    async def create(request: web.Request) -> web.Response:
        asked.append(CreateSIPParticipantRequest.FromString(await request.read()))
        if answer is not None:
            return web.json_response(answer, status=500)
        return web.Response(body=SIPParticipantInfo().SerializeToString(), content_type=PROTOBUF)

    app = web.Application()
    app.router.add_post("/twirp/livekit.SIP/ListSIPOutboundTrunk", trunks)
    app.router.add_post("/twirp/livekit.SIP/CreateSIPParticipant", create)
    async with (
        TestServer(app) as server,
        LiveKitRoomControl(str(server.make_url("/")).rstrip("/"), "key", "s" * 32) as control,
    ):
        return await control.dial(Dial("room", "human-1", to, "ns/agent", carrier)), asked


@pytest.mark.parametrize(
    ("to", "called"), [("tel:+15550199", "+15550199"), ("sip:desk@example.com", "desk")]
)
async def test_a_human_is_called_through_the_agents_own_trunk(to: str, called: str) -> None:
    found, (asked,) = await dialled(to=to)
    assert found == Transferred(TransferResult.SUCCEEDED)
    assert asked.sip_trunk_id == "ST_5"
    assert asked.sip_call_to == called
    assert (asked.room_name, asked.participant_identity) == ("room", "human-1")
    assert asked.wait_until_answered
    assert asked.ringing_timeout.seconds == TRANSFER_SECONDS


async def test_nobody_is_called_through_the_trunk_of_others() -> None:
    assert await dialled(carrier="third") == (Transferred(TransferResult.FAILED), [])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"code": "unavailable", "msg": "", "meta": {"sip_status_code": "486"}},
            Transferred(TransferResult.REFUSED, 486),
        ),
        (
            {"code": "unavailable", "msg": "", "meta": {"sip_status_code": "480"}},
            Transferred(TransferResult.NO_ANSWER, 480),
        ),
        ({"code": "deadline_exceeded", "msg": ""}, Transferred(TransferResult.NO_ANSWER)),
        ({"code": "canceled", "msg": ""}, Transferred(TransferResult.NO_ANSWER)),
        ({"code": "unavailable", "msg": "no node"}, Transferred(TransferResult.FAILED)),
    ],
)
async def test_an_answer_is_read(answer: dict[str, Any], expected: Transferred) -> None:
    found, _ = await dialled(answer)
    assert found == expected
