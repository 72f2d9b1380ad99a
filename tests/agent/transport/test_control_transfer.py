"""What the SIP API's answers to a transfer mean."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.protocol.sip import (
    STR_RINGING_TIMEOUT,
    STS_TRANSFER_FAILED,
    STS_TRANSFER_SUCCESSFUL,
    TransferSIPParticipantRequest,
    TransferSIPParticipantResponse,
)

from switchboard_agent.transport.base import TRANSFER_SECONDS, Transferred
from switchboard_agent.transport.livekit.control import LiveKitRoomControl
from switchboard_contract.call_events import TransferResult


async def transferred(
    answer: TransferSIPParticipantResponse | dict[str, Any],
) -> tuple[Transferred, TransferSIPParticipantRequest]:
    asked: list[TransferSIPParticipantRequest] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(TransferSIPParticipantRequest.FromString(await request.read()))
        if isinstance(answer, dict):
            return web.json_response(answer, status=500)
        return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")

    app = web.Application()
    app.router.add_post("/twirp/livekit.SIP/TransferSIPParticipant", handle)
    async with (
        TestServer(app) as server,
        LiveKitRoomControl(str(server.make_url("/")).rstrip("/"), "key", "s" * 32) as control,
    ):
        return await control.transfer("room", "sip_1", "tel:+15550199"), asked[0]


_RANG = TransferSIPParticipantResponse(status=STS_TRANSFER_FAILED, reason=STR_RINGING_TIMEOUT)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TransferSIPParticipantResponse(), Transferred(TransferResult.SUCCEEDED)),
        (
            TransferSIPParticipantResponse(status=STS_TRANSFER_SUCCESSFUL),
            Transferred(TransferResult.SUCCEEDED),
        ),
        (_RANG, Transferred(TransferResult.NO_ANSWER)),
        (
            {"code": "unavailable", "msg": "", "meta": {"sip_status_code": "486"}},
            Transferred(TransferResult.REFUSED, 486),
        ),
        (
            {"code": "unavailable", "msg": "", "meta": {"sip_status_code": "480"}},
            Transferred(TransferResult.NO_ANSWER, 480),
        ),
        ({"code": "unavailable", "msg": "no node"}, Transferred(TransferResult.FAILED)),
    ],
)
async def test_an_answer_is_read(
    answer: TransferSIPParticipantResponse | dict[str, Any], expected: Transferred
) -> None:
    found, asked = await transferred(answer)
    assert found == expected
    assert (asked.room_name, asked.participant_identity) == ("room", "sip_1")
    assert asked.transfer_to == "tel:+15550199"
    assert asked.ringing_timeout.seconds == TRANSFER_SECONDS
