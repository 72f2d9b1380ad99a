"""A phone for tests: real SIP and RTP over UDP on loopback, step by step as the test says."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import numpy as np
from typing_extensions import override

from switchboard_media import dtmf, rtp, sdp
from switchboard_media.codec import CODECS, Codec
from switchboard_media.pcm import Pcm
from switchboard_media.rtp_stream import RtpSender
from switchboard_media.sdp_audio import AudioSession, RtpAddress, offer_audio, read_answer
from switchboard_media.sip.dialog import Dialog, calling
from switchboard_media.sip.digest import answer as digest_answer
from switchboard_media.sip.digest import parse_challenge
from switchboard_media.sip.message import Headers, Request, Response, parse
from switchboard_media.sip.responses import response_to

FRAME_S = 0.02


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self._take(data)


class Phone:
    """One phone, one call at a time."""

    def __init__(self, edge: tuple[str, int], number: str) -> None:
        self.edge = edge
        self.number = number
        self.responses: asyncio.Queue[Response] = asyncio.Queue()
        self.requests: asyncio.Queue[Request] = asyncio.Queue()
        self._arrived = asyncio.Event()
        self.rtp_packets: list[rtp.RtpPacket] = []
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        self.audio: AudioSession | None = None
        self.dialog: Dialog | None = None
        self.invite_request: Request | None = None
        self.tone_hz = 0.0
        self._key_receiver = dtmf.DtmfReceiver()
        self._pressing: list[dtmf.EventPacket] = []
        self._sip: asyncio.DatagramTransport
        self._rtp: asyncio.DatagramTransport

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(self._take_sip), local_addr=("127.0.0.1", 0)
        )
        self._rtp, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(self._take_rtp), local_addr=("127.0.0.1", 0)
        )

    def close(self) -> None:
        self._sip.close()
        self._rtp.close()

    @property
    def sip_port(self) -> int:
        return int(self._sip.get_extra_info("sockname")[1])

    @property
    def rtp_port(self) -> int:
        return int(self._rtp.get_extra_info("sockname")[1])

    def send(self, data: bytes) -> None:
        self._sip.sendto(data, self.edge)

    def send_rtp(self, data: bytes) -> None:
        assert self.audio is not None
        self._rtp.sendto(data, (self.audio.remote.host, self.audio.remote.port))

    def via(self) -> str:
        branch = f"z9hG4bK{secrets.token_hex(6)}"
        return f"SIP/2.0/UDP 127.0.0.1:{self.sip_port};branch={branch};rport"

    def request(
        self,
        method: str,
        to: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        cseq: int = 1,
        call_id: str = "",
        tag: str = "",
    ) -> Request:
        host, port = self.edge
        lines = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.number}@caller.example>;tag={tag or secrets.token_hex(4)}"),
            ("To", f"<sip:{to}@{host}>"),
            ("Call-ID", call_id or secrets.token_hex(8)),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{self.number}@127.0.0.1:{self.sip_port}>"),
            *headers,
        ]
        if body:
            lines.append(("Content-Type", "application/sdp"))
        return Request(method, f"sip:{to}@{host}:{port}", Headers(tuple(lines)), body)

    def invite(
        self,
        to: str,
        *,
        codecs: Sequence[Codec] = CODECS,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Request:
        """Send an INVITE."""
        if body is None:
            local = RtpAddress("127.0.0.1", self.rtp_port)
            body = sdp.serialize(offer_audio(local=local, session_id=1, codecs=codecs))
        self.invite_request = self.request("INVITE", to, headers=headers, body=body)
        self.send(bytes(self.invite_request))
        return self.invite_request

    def invite_with_password(self, challenge: Response, username: str, password: str) -> None:
        """Answer a 407: acknowledge it and send the INVITE again with credentials."""
        first = self.invite_request
        assert first is not None
        self.acknowledge_failure(challenge)
        asked = parse_challenge(challenge.headers.get("Proxy-Authenticate") or "")
        credentials = digest_answer(
            asked,
            username=username,
            password=password,
            method="INVITE",
            uri=first.uri,
            cnonce=secrets.token_hex(4),
        )
        headers = first.headers.having("Via", self.via()).having("CSeq", "2 INVITE")
        headers = headers.having("Proxy-Authorization", str(credentials))
        self.invite_request = Request("INVITE", first.uri, headers, first.body)
        self.send(bytes(self.invite_request))

    def acknowledge_failure(self, response: Response) -> None:
        invite = self.invite_request
        assert invite is not None
        number = invite.cseq.number
        headers = invite.headers.having("To", response.headers.get("To") or "")
        headers = headers.having("CSeq", f"{number} ACK").without("Content-Type")
        self.send(bytes(Request("ACK", invite.uri, headers)))

    async def final(self, timeout_s: float = 10.0) -> Response:
        """Wait for the INVITE's final response; a failure is acknowledged."""
        response = await self.next_response(
            lambda r: r.final and r.cseq.method == "INVITE", timeout_s
        )
        if not response.success:
            self.acknowledge_failure(response)
        return response

    async def next_response(
        self, wanted: Callable[[Response], bool], timeout_s: float = 10.0
    ) -> Response:
        async with asyncio.timeout(timeout_s):
            while True:
                response = await self.responses.get()
                if wanted(response):
                    return response

    async def next_request(self, method: str, timeout_s: float = 10.0) -> Request:
        async with asyncio.timeout(timeout_s):
            while True:
                request = await self.requests.get()
                if request.method == method:
                    return request

    async def answered(self, timeout_s: float = 10.0) -> AudioSession:
        """Wait for the 200, acknowledge it and start to talk."""
        response = await self.final(timeout_s)
        assert response.status == 200, (response.status, response.headers.get("Reason"))
        assert self.invite_request is not None
        self.dialog = calling(self.invite_request, response)
        self.audio = read_answer(sdp.parse(response.body))
        self.acknowledge()
        return self.audio

    def acknowledge(self) -> None:
        assert self.dialog is not None
        _, ack = self.dialog.request("ACK", via=self.via())
        number = self.dialog.local_cseq
        ack = Request("ACK", ack.uri, ack.headers.having("CSeq", f"{number} ACK"))
        self.send(bytes(ack))

    def in_dialog(self, method: str, body: bytes = b"") -> Request:
        """Send a request in the call."""
        assert self.dialog is not None
        headers = [("Contact", f"<sip:{self.number}@127.0.0.1:{self.sip_port}>")]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        self.dialog, request = self.dialog.request(
            method, via=self.via(), headers=headers, body=body
        )
        self.send(bytes(request))
        return request

    def cancel(self) -> None:
        invite = self.invite_request
        assert invite is not None
        headers = invite.headers.having("CSeq", f"{invite.cseq.number} CANCEL")
        self.send(bytes(Request("CANCEL", invite.uri, headers.without("Content-Type"))))

    def press(self, key: str) -> None:
        self._pressing = list(dtmf.key_press(key))

    async def talk(self) -> None:
        """Send a packet each 20 ms for ever: the tone, silence, or a key."""
        audio = self.audio
        assert audio is not None
        codec = audio.codec
        encoder, samples = codec.make_encoder(), codec.samples(20)
        sender = RtpSender(ssrc=secrets.randbits(32), sequence=1, timestamp=160)
        loop = asyncio.get_running_loop()
        next_s, position = loop.time(), 0
        while True:
            if self._pressing and audio.event_payload_type is not None:
                packet = self._pressing.pop(0)
                self.send_rtp(sender.event(packet, payload_type=audio.event_payload_type))
            else:
                phase = 2 * np.pi * self.tone_hz * (np.arange(samples) + position)
                pcm = (8000 * np.sin(phase / codec.sample_rate_hz)).astype(np.int16)
                position += samples
                data = sender.audio(
                    encoder.encode(pcm),
                    payload_type=audio.payload_type,
                    duration=codec.clock_units(20),
                )
                self.send_rtp(data)
            next_s += FRAME_S
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    def _take_sip(self, data: bytes) -> None:
        message = parse(data)
        if isinstance(message, Response):
            self.responses.put_nowait(message)
            return
        self.requests.put_nowait(message)
        if message.method != "ACK":
            self.send(bytes(response_to(message, 200)))

    def _take_rtp(self, data: bytes) -> None:
        packet = rtp.parse(data)
        self.rtp_packets.append(packet)
        self._arrived.set()
        audio = self.audio
        if audio is None:
            return
        if packet.payload_type == audio.event_payload_type:
            key = self._key_receiver.receive(packet.ssrc, packet.timestamp, packet.payload)
            if key is not None:
                self.keys.put_nowait(key)

    async def hears(self, packets: int, timeout_s: float = 10.0) -> None:
        """Wait for this many more packets."""
        enough = len(self.rtp_packets) + packets
        async with asyncio.timeout(timeout_s):
            while len(self.rtp_packets) < enough:
                self._arrived.clear()
                await self._arrived.wait()

    def heard_pcm(self, last_packets: int) -> Pcm:
        """Decode what came in the last packets."""
        assert self.audio is not None
        decoder = self.audio.codec.make_decoder()
        packets = [p for p in self.rtp_packets if p.payload_type == self.audio.payload_type]
        return np.concatenate([decoder.decode(p.payload) for p in packets[-last_packets:]])


@asynccontextmanager
async def phone(edge: tuple[str, int], number: str) -> AsyncIterator[Phone]:
    """Open a phone for the block."""
    one = Phone(edge, number)
    await one.open()
    try:
        yield one
    finally:
        one.close()


def loudest_hz(pcm: Pcm, sample_rate_hz: int) -> float:
    """Frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(pcm.astype(float) * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * sample_rate_hz / len(pcm))
