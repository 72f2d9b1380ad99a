"""The caller's SIP, as far as one call needs it: INVITE, digest, ACK, BYE both ways, over UDP.

Every message is kept with its time, so that `signalling.read` sees this call as it sees SIPp's.
"""

import asyncio
import secrets
import socket
import time
from dataclasses import replace

from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.sipp import Target
from switchboard_media import sdp, sdp_audio
from switchboard_media.codec import Codec
from switchboard_media.errors import Malformed
from switchboard_media.sip import digest, message
from switchboard_media.sip.dialog import Dialog, calling
from switchboard_media.sip.message import Headers, Message, Request, Response
from switchboard_media.sip.responses import response_to

RETRANSMIT_S = 0.5
ANSWER_S = 20.0
BYE_S = 2.0
_MAX_BYTES = 65_535
_CHALLENGED = 407


class UserAgent:
    """One call's signalling."""

    def __init__(self, target: Target, caller: str, ip: str) -> None:
        self._target = target
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind((ip, 0))
        self._local: tuple[str, int] = self._socket.getsockname()
        self._caller = caller
        self.call_id = f"{secrets.token_hex(8)}@{ip}"
        self._tag = secrets.token_hex(4)
        self._dialog: Dialog | None = None
        self.messages: list[Datagram] = []

    @property
    def port(self) -> int:
        """Own SIP port."""
        return self._local[1]

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()

    async def invite(self, codec: Codec, ear: tuple[str, int]) -> sdp_audio.AudioSession | None:
        """Call and wait for the final answer; None if it is no 200."""
        offer = sdp_audio.offer_audio(
            local=sdp_audio.RtpAddress(*ear), session_id=1, codecs=(codec,)
        )
        request = self._request(sdp.serialize(offer))
        response = await self._final(request)
        if response is not None and response.status == _CHALLENGED:
            self._send(bytes(self._ack_refusal(request, response)))
            request = self._with_credentials(request, response)
            response = await self._final(request)
        if response is None:
            return None
        if not response.success:
            self._send(bytes(self._ack_refusal(request, response)))
            return None
        self._dialog = calling(request, response)
        # An ACK has the number of its INVITE, which the dialog would count past.
        _, ack = replace(self._dialog, local_cseq=request.cseq.number - 1).request(
            "ACK", via=self._via()
        )
        self._send(bytes(ack))
        return sdp_audio.read_answer(sdp.parse(response.body), (codec,))

    def hung_up(self) -> bool:
        """Whether the other side's BYE is there; it is answered."""
        while (received := self._receive()) is not None:
            if isinstance(received, Request) and received.method == "BYE":
                self._send(bytes(response_to(received, 200)))
                return True
        return False

    async def bye(self) -> None:
        """Hang up."""
        if self._dialog is None:
            return
        self._dialog, request = self._dialog.request("BYE", via=self._via())
        async with asyncio.timeout(BYE_S):
            await self._exchange(request)

    async def _final(self, request: Request) -> Response | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._exchange(request)
        except TimeoutError:
            return None

    async def _exchange(self, request: Request) -> Response:
        """Send until something comes, then wait for the final answer."""
        loop, answered = asyncio.get_running_loop(), False
        self._send(bytes(request))
        again_s = loop.time() + RETRANSMIT_S
        while True:
            received = self._receive()
            if isinstance(received, Response) and received.cseq == request.cseq:
                answered = True
                if received.final:
                    return received
            if not answered and loop.time() > again_s:
                self._send(bytes(request))
                again_s = loop.time() + RETRANSMIT_S
            if received is None:
                await asyncio.sleep(0.002)

    def _send(self, data: bytes) -> None:
        to = (self._target.host, self._target.port)
        self.messages.append(Datagram(time.time_ns(), self._local, to, data))
        self._socket.sendto(data, to)

    def _receive(self) -> Message | None:
        try:
            data, source = self._socket.recvfrom(_MAX_BYTES)
        except (BlockingIOError, ConnectionRefusedError):
            return None
        self.messages.append(Datagram(time.time_ns(), source, self._local, data))
        try:
            return message.parse(data)
        except Malformed:
            return None

    def _via(self) -> str:
        host, port = self._local
        return f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)}"

    def _request(self, body: bytes) -> Request:
        host, port = self._local
        called = f"sip:{self._target.number}@{self._target.host}:{self._target.port}"
        headers = (
            ("Via", self._via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self._caller}@{host}>;tag={self._tag}"),
            ("To", f"<{called}>"),
            ("Call-ID", self.call_id),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:{self._caller}@{host}:{port}>"),
            ("X-Lk-Test-Id", self.call_id),
            ("Content-Type", "application/sdp"),
        )
        return Request("INVITE", called, Headers(headers), body)

    def _ack_refusal(self, request: Request, response: Response) -> Request:
        kept = [item for item in request.headers.items if item[0] in {"Via", "From", "Call-ID"}]
        to = ("To", response.headers.get("To") or "")
        cseq = ("CSeq", f"{request.cseq.number} ACK")
        return Request("ACK", request.uri, Headers((*kept, to, cseq, ("Max-Forwards", "70"))))

    def _with_credentials(self, request: Request, response: Response) -> Request:
        challenge = digest.parse_challenge(response.headers.get("Proxy-Authenticate") or "")
        credentials = digest.answer(
            challenge,
            username=self._target.username,
            password=self._target.password,
            method="INVITE",
            uri=request.uri,
            cnonce=secrets.token_hex(8),
        )
        headers = request.headers.having("CSeq", "2 INVITE").having("Via", self._via())
        return replace(request, headers=headers.having("Proxy-Authorization", str(credentials)))
