"""A call that livekit-server asks an edge on the bench for, and the phone that is called."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from switchboard_local.sip_edge import outgoing_request
from switchboard_local.sip_edge.edge import Edge
from switchboard_local.sip_edge.outgoing_model import Fault
from switchboard_local.sip_edge.outgoing_request import CannotPlaceError
from switchboard_media import sdp
from switchboard_media.codec import CODECS, Codec
from switchboard_media.sdp_audio import RtpAddress, answer_audio
from switchboard_media.sip.message import Message, Request, Response
from switchboard_media.sip.responses import response_to
from tests.local.sip_edge.harness import PHONE, SETTINGS, Bench, bench

TAG = "phone1"


def payload(**more: object) -> bytes:
    """A request as livekit-server sends it."""
    fields: dict[str, object] = {
        "sip_call_id": "SCL_1",
        "address": f"{PHONE[0]}:{PHONE[1]}",
        "number": "+15550301",
        "call_to": "+15550300",
        "room_name": "room",
        "participant_identity": "human",
        "participant_attributes": {"sip.callID": "SCL_1"},
        "wait_until_answered": True,
        **more,
    }
    data: bytes = outgoing_request._REQUEST(**fields).SerializeToString()
    return data


def response(
    invite: Request,
    status: int,
    *,
    codecs: Sequence[Codec] = CODECS,
    tag: str = TAG,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
) -> Response:
    """What the phone says."""
    if body is None and status == 200:
        local = RtpAddress(PHONE[0], 4000)
        answer = answer_audio(sdp.parse(invite.body), local=local, session_id=1, codecs=codecs)
        body = sdp.serialize(answer.description)
    contact = ("Contact", f"<sip:phone@{PHONE[0]}:{PHONE[1]}>")
    return response_to(
        invite,
        status,
        to_tag=tag,
        headers=[contact, *headers],
        content_type="application/sdp" if body else "",
        body=body or b"",
    )


class Asked:
    """One call that livekit-server asks for."""

    def __init__(self, edge: Edge, tasks: asyncio.TaskGroup, data: bytes) -> None:
        self.task = tasks.create_task(self._ask(edge, data))

    @staticmethod
    async def _ask(edge: Edge, data: bytes) -> bytes | CannotPlaceError:
        try:
            return await edge.placed.place(data, 80.0)
        except CannotPlaceError as error:
            return error

    async def answer(self) -> bytes:
        given_ = await self.task
        assert isinstance(given_, bytes), given_.fault
        return given_

    async def fault(self) -> Fault:
        given_ = await self.task
        assert isinstance(given_, CannotPlaceError)
        return given_.fault


@asynccontextmanager
async def asking(data: bytes) -> AsyncIterator[tuple[Bench, Asked]]:
    """Put an edge on the bench that is asked for a call."""
    async with bench(settings=replace(SETTINGS, max_calls=1)) as b, asyncio.TaskGroup() as tasks:
        yield b, Asked(b.edge, tasks, data)


async def dialled(b: Bench) -> Request:
    invite = await b.until(lambda m: isinstance(m, Request) and m.method == "INVITE")
    assert isinstance(invite, Request)
    return invite


async def picked_up(b: Bench, codecs: Sequence[Codec] = CODECS) -> Request:
    invite = await dialled(b)
    sent = b.send(response(invite, 200, codecs=codecs))
    assert [m.method for m in sent if isinstance(m, Request)] == ["ACK"]
    return invite


def of_phone(invite: Request, method: str, cseq: int, body: bytes = b"") -> Request:
    """A request of the phone in the call."""
    headers = invite.headers.having("From", f"{invite.headers.get('To')};tag={TAG}")
    headers = headers.having("To", invite.headers.get("From") or "")
    headers = headers.having("CSeq", f"{cseq} {method}")
    via = f"SIP/2.0/UDP {PHONE[0]}:{PHONE[1]};branch=z9hG4bK{method}{cseq};rport"
    return Request(method, "sip:edge", headers.having("Via", via), body)


def told(messages: Sequence[Message]) -> list[str | int]:
    """Methods of the requests and statuses of the responses."""
    return [m.method if isinstance(m, Request) else m.status for m in messages]
