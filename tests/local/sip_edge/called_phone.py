"""A phone that is called: it rings, is picked up or not, and notes what it is told."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from typing_extensions import override

from switchboard_media import sdp
from switchboard_media.codec import CODECS, Codec
from switchboard_media.sdp_audio import RtpAddress, answer_audio
from switchboard_media.sip.dialog import answering
from switchboard_media.sip.message import Request, parse
from switchboard_media.sip.responses import response_to
from tests.local.sip_edge.phone import Phone


class CalledPhone(Phone):
    """One phone, one call at a time."""

    def __init__(self, edge: tuple[str, int], number: str) -> None:
        super().__init__(edge, number)
        self.tag = secrets.token_hex(4)
        self.invites: asyncio.Queue[Request] = asyncio.Queue()

    @override
    def _take_sip(self, data: bytes) -> None:
        message = parse(data)
        if not isinstance(message, Request) or message.method not in {"INVITE", "CANCEL"}:
            super()._take_sip(data)
        elif message.method == "INVITE":
            self.invite_request = message
            self.invites.put_nowait(message)
        else:
            super()._take_sip(data)
            self.respond(487)

    def respond(
        self, status: int, *, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        """Answer the last INVITE."""
        assert self.invite_request is not None
        contact = ("Contact", f"<sip:{self.number}@127.0.0.1:{self.sip_port}>")
        response = response_to(
            self.invite_request,
            status,
            to_tag=self.tag,
            headers=[contact, *headers],
            content_type="application/sdp" if body else "",
            body=body,
        )
        self.send(bytes(response))

    async def rings(self, timeout_s: float = 10.0) -> Request:
        """Wait for an INVITE, and ring."""
        invite = await asyncio.wait_for(self.invites.get(), timeout_s)
        self.respond(180)
        return invite

    async def pick_up(
        self, codecs: Sequence[Codec] = CODECS, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Answer with sound, and wait for the ACK."""
        invite = self.invite_request
        assert invite is not None
        local = RtpAddress("127.0.0.1", self.rtp_port)
        answer = answer_audio(sdp.parse(invite.body), local=local, session_id=1, codecs=codecs)
        self.audio = answer.session
        self.dialog = answering(invite, self.tag)
        self.respond(200, headers=headers, body=sdp.serialize(answer.description))
        await self.next_request("ACK")


@asynccontextmanager
async def called_phone(edge: tuple[str, int], number: str) -> AsyncIterator[CalledPhone]:
    """Open a phone for the block."""
    one = CalledPhone(edge, number)
    await one.open()
    try:
        yield one
    finally:
        one.close()
