"""A called party that needs no system behind it: answers, greets, replies, stops when interrupted.

It speaks a tone where an agent speaks words, and behaves as its `Manner` says, so that tests can
compare a load test's figures with the truth. One instance serves any number of calls.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from typing_extensions import override

from switchboard_media import rtp
from switchboard_media.codec import G722, PCMU, Codec
from switchboard_media.pcm import Pcm, level_dbfs

FRAME_S = 0.02
NUMBER = "+15550100"
EVENTS = 96
VOICED_DBFS = -45.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How the called party behaves."""

    ring_s: float = 0.05
    greeting_s: float = 0.6
    think_s: float = 0.2
    """Silence of the caller before the reply."""
    reply_s: float = 0.6
    stop_after_s: float = 0.1
    """Caller's speech that stops a reply."""
    hang_up_after_replies: int | None = None
    digest: bool = False
    answers: bool = True


def _tone(codec: Codec, amplitude: int) -> Pcm:
    samples = np.arange(codec.samples(20))
    wave = amplitude * np.sin(2 * np.pi * 400 * samples / codec.sample_rate_hz)
    return wave.astype(np.int16)


@dataclass
class Call:
    """One call's media, driven by the sending loop."""

    codec: Codec
    to: tuple[str, int]
    manner: Manner
    peer: tuple[str, int] = ("", 0)
    invite: str = ""
    speaking_frames: int = 0
    loud_frames: int = 0
    quiet_frames: int = 0
    heard_speech: bool = False
    replies: int = 0
    stops: list[float] = field(default_factory=list)
    keys: set[int] = field(default_factory=set)
    packets: int = 0
    over: bool = False


class _Media(asyncio.DatagramProtocol):
    def __init__(self, call: Call) -> None:
        self.call = call
        self.decoder = call.codec.make_decoder()

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        call = self.call
        packet = rtp.parse(data)
        if packet.payload_type == EVENTS:
            call.keys.add(packet.payload[0])
        if packet.payload_type != call.codec.payload_type:
            return
        call.packets += 1
        loud = level_dbfs(self.decoder.decode(packet.payload)) >= VOICED_DBFS
        call.loud_frames = call.loud_frames + 1 if loud else 0
        call.quiet_frames = 0 if loud else call.quiet_frames + 1
        if call.loud_frames >= 3:
            call.heard_speech = True
        if call.speaking_frames and call.loud_frames * FRAME_S >= call.manner.stop_after_s:
            call.speaking_frames = 0
            call.stops.append(time.time())
        if call.heard_speech and call.quiet_frames * FRAME_S >= call.manner.think_s:
            call.heard_speech = False
            call.replies += 1
            call.speaking_frames = int(call.manner.reply_s / FRAME_S)


class CannedAgent(asyncio.DatagramProtocol):
    """The SIP side: a few methods, text in, text out."""

    def __init__(self, manner: Manner, group: asyncio.TaskGroup) -> None:
        self.manner = manner
        self.calls: dict[str, Call] = {}
        self.test_ids: list[str] = []
        self.received: list[str] = []
        self._group = group
        self._transport: asyncio.DatagramTransport | None = None
        self._cancelled: set[str] = set()
        self._begun: set[str] = set()

    @override
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    @property
    def port(self) -> int:
        assert self._transport is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        text = data.decode().replace("\r\n", "\n")
        method = text.split(" ", 1)[0]
        self.received.append(method)
        call_id = self._header(text, "Call-ID")
        if method == "INVITE":
            self._invite(text, addr, call_id)
        elif method == "BYE":
            self._send(self._response(text, "200 OK"), addr)
            if call_id in self.calls:
                self.calls[call_id].over = True
        elif method == "CANCEL":
            self._cancelled.add(call_id)
            self._send(self._response(text, "200 OK"), addr)
            self._send(self._response(text.replace("CANCEL", "INVITE"), "487 Gone"), addr)

    def _invite(self, text: str, addr: tuple[str, int], call_id: str) -> None:
        if f"sip:{NUMBER}@" not in text.split("\n", 1)[0]:
            self._send(self._response(text, "404 Not Found"), addr)
        elif self.manner.digest and "Proxy-Authorization" not in text:
            challenge = 'Proxy-Authenticate: Digest realm="test", nonce="abc", algorithm=MD5\n'
            self._send(self._response(text, "407 Proxy Authentication", challenge), addr)
        elif call_id not in self._begun:
            self._begun.add(call_id)
            self.test_ids.append(self._header(text, "X-Lk-Test-Id"))
            self._group.create_task(self._serve(text, addr, call_id))

    async def _serve(self, text: str, addr: tuple[str, int], call_id: str) -> None:
        self._send(self._response(text, "180 Ringing"), addr)
        await asyncio.sleep(self.manner.ring_s)
        if not self.manner.answers or call_id in self._cancelled:
            return
        codec = G722 if "RTP/AVP 9" in text else PCMU
        host, port = (
            re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE),
            re.search(r"m=audio (\d+)", text),
        )
        assert host is not None
        assert port is not None
        call = Call(codec, (host[1], int(port[1])), self.manner, addr, text)
        self.calls[call_id] = call
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Media(call), local_addr=("127.0.0.1", 0)
        )
        try:
            media_port = transport.get_extra_info("sockname")[1]
            self._send(self._answer(text, codec, media_port), addr)
            await self._talk(call, transport)
        finally:
            transport.close()

    async def _talk(self, call: Call, transport: asyncio.DatagramTransport) -> None:
        encoder = call.codec.make_encoder()
        tone, silence = _tone(call.codec, 8000), _tone(call.codec, 0)
        call.speaking_frames = int(self.manner.greeting_s / FRAME_S)
        loop = asyncio.get_running_loop()
        due, number = loop.time(), 0
        while not call.over:
            call.speaking_frames, speaks = max(0, call.speaking_frames - 1), call.speaking_frames
            payload = encoder.encode(tone if speaks else silence)
            packet = rtp.serialize_plain(
                call.codec.payload_type, number & 0xFFFF, number * 160, 7, payload, marker=False
            )
            transport.sendto(packet, call.to)
            if speaks == 1 and call.replies == self.manner.hang_up_after_replies:
                self._send(self._bye(call), call.peer)
                return
            number, due = number + 1, due + FRAME_S
            await asyncio.sleep(due - loop.time())

    def _send(self, text: str, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(text.replace("\n", "\r\n").encode(), addr)

    @staticmethod
    def _header(text: str, name: str) -> str:
        found = re.search(rf"^{name}: (.*)$", text, re.MULTILINE)
        return found[1].strip() if found else ""

    def _response(self, text: str, status: str, extra: str = "", body: str = "") -> str:
        copied = "".join(f"{name}: {self._header(text, name)}\n" for name in ("Via", "From"))
        to = self._header(text, "To")
        to = to if ";tag=" in to else f"{to};tag=canned"
        return (
            f"SIP/2.0 {status}\n{copied}To: {to}\nCall-ID: {self._header(text, 'Call-ID')}\n"
            f"CSeq: {self._header(text, 'CSeq')}\nContact: <sip:agent@127.0.0.1:{self.port}>\n"
            f"{extra}Content-Length: {len(body.replace(chr(10), chr(13) + chr(10)))}\n\n{body}"
        )

    def _answer(self, text: str, codec: Codec, media_port: int) -> str:
        body = (
            "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
            f"m=audio {media_port} RTP/AVP {codec.payload_type} {EVENTS}\n"
            f"a=rtpmap:{codec.payload_type} {codec.name}/8000\n"
            f"a=rtpmap:{EVENTS} telephone-event/8000\n"
        )
        return self._response(text, "200 OK", "Content-Type: application/sdp\n", body)

    def _bye(self, call: Call) -> str:
        invite = call.invite
        contact = re.search(r"^Contact: <(.*)>", invite, re.MULTILINE)
        assert contact is not None
        return (
            f"BYE {contact[1]} SIP/2.0\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bKcanned{len(self.received)}\n"
            f"From: {self._header(invite, 'To')};tag=canned\nTo: {self._header(invite, 'From')}\n"
            f"Call-ID: {self._header(invite, 'Call-ID')}\nCSeq: 1 BYE\nMax-Forwards: 70\n"
            "Content-Length: 0\n\n"
        )


@asynccontextmanager
async def canned_agent(manner: Manner) -> AsyncIterator[CannedAgent]:
    """Serve on a free port of loopback until the block ends."""
    async with asyncio.TaskGroup() as group:
        loop = asyncio.get_running_loop()
        transport, agent = await loop.create_datagram_endpoint(
            lambda: CannedAgent(manner, group), local_addr=("127.0.0.1", 0)
        )
        try:
            yield agent
        finally:
            for call in agent.calls.values():
                call.over = True
            transport.close()
