"""The whole edge without a network or a LiveKit, in virtual time.

Datagrams go in by hand and come out in a list; the room is a list of what was asked of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from typing_extensions import override

from switchboard_contract.sip_routing import DispatchRule, InboundTrunk
from switchboard_local.sip_edge.admission import Admission
from switchboard_local.sip_edge.edge import Edge
from switchboard_local.sip_edge.livekit_tables import Tables
from switchboard_local.sip_edge.mixer import Mixer
from switchboard_local.sip_edge.pacer import Pacer
from switchboard_local.sip_edge.room import RoomListener
from switchboard_local.sip_edge.routing import Routing
from switchboard_local.sip_edge.rtp_leg import RtpLeg, RtpPorts
from switchboard_local.sip_edge.session import EdgeParts
from switchboard_local.sip_edge.settings import EdgeSettings
from switchboard_media import rtp, sdp
from switchboard_media.codec import CODECS, Codec
from switchboard_media.pcm import Pcm
from switchboard_media.sdp_audio import RtpAddress, offer_audio
from switchboard_media.sip.digest import NonceMint
from switchboard_media.sip.message import Headers, Message, Request, Response, parse

PHONE = ("192.0.2.7", 5062)
NUMBER = "+15550100"
TRUNK = InboundTrunk(id="ST_a", numbers=(NUMBER,))
RULE = DispatchRule(id="SDR_a", trunk_ids=("ST_a",), room_prefix="sb-a", metadata='{"a": 1}')

SETTINGS = EdgeSettings(
    listen_ip="198.51.100.1",
    listen_port=5060,
    advertised_ip="198.51.100.1",
    first_rtp_port=10_000,
    last_rtp_port=10_100,
    livekit_url="http://livekit.test",
    livekit_ws_url="ws://livekit.test",
    livekit_key="key",
    livekit_secret="secret-of-at-least-thirty-two-characters",
    max_calls=3,
)


class FakeWire(asyncio.DatagramTransport):
    """A socket whose other end is a list."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.closed = False

    @override
    def sendto(self, data: object, addr: object = None) -> None:
        self.sent.append((cast("bytes", data), cast("tuple[str, int]", addr)))

    @override
    def close(self) -> None:
        self.closed = True


class FakePorts(RtpPorts):
    """Ports that bind nothing."""

    def __init__(self) -> None:
        super().__init__(10_000, 10_100)
        self.legs: list[RtpLeg] = []
        self.wires: list[FakeWire] = []

    @override
    async def open(self, ip: str, leg: RtpLeg) -> int:
        wire = FakeWire()
        leg.connection_made(wire)
        self.legs.append(leg)
        self.wires.append(wire)
        return 10_000 + 2 * len(self.legs)


class FakeTrack:
    """The caller's track as a list."""

    def __init__(self) -> None:
        self.pushed: list[Pcm] = []
        self.dropped = 0

    def push(self, pcm: Pcm) -> None:
        self.pushed.append(pcm)

    def send_due(self) -> None:
        """Nothing waits."""

    @property
    def samples(self) -> Pcm:
        return np.concatenate(self.pushed) if self.pushed else np.zeros(0, np.int16)


class FakeRoom:
    """A room that notes what was asked of it."""

    participant_id = "PA_phone"

    def __init__(self, session: RoomListener, join_s: float, error: Exception | None) -> None:
        self.session = session
        self.mixer = Mixer()
        self.track = FakeTrack()
        self.asked: list[str] = []
        self.attributes: dict[str, str] = {}
        self._join_s = join_s
        self._error = error

    async def join(self, ws_url: str, token: str) -> None:
        del ws_url, token
        self.asked.append("join")
        await asyncio.sleep(self._join_s)  # virtual time
        if self._error is not None:
            raise self._error

    async def set_status(self, status: str, more: Mapping[str, str] | None = None) -> None:
        self.asked.append(f"status {status}")
        self.attributes |= more or {}

    async def press(self, key: str) -> None:
        self.asked.append(f"press {key}")

    async def leave(self) -> None:
        self.asked.append("leave")


@dataclass
class Bench:
    """An edge on the bench."""

    edge: Edge
    parts: EdgeParts
    wire: FakeWire
    ports: FakePorts
    rooms: list[FakeRoom]
    log: list[Message] = field(default_factory=list)
    seen: int = 0

    def send(self, message: Message | bytes, source: tuple[str, int] = PHONE) -> list[Message]:
        """Give a datagram to the edge; returns what it sent at once."""
        self.edge.signalling.datagram_received(bytes(message), source)
        return self.news()

    def news(self) -> list[Message]:
        """What the edge has sent since the last look."""
        new = [parse(data) for data, _ in self.wire.sent[self.seen :]]
        self.seen = len(self.wire.sent)
        self.log += new
        return new

    async def until(self, wanted: Callable[[Message], bool], timeout_s: float = 5.0) -> Message:
        """Wait until the edge sends such a message."""
        async with asyncio.timeout(timeout_s):
            while True:
                for message in self.news():
                    if wanted(message):
                        return message
                await asyncio.sleep(0.005)  # virtual time

    async def final(self, timeout_s: float = 5.0) -> Response:
        """Wait for an INVITE's final response."""
        found = await self.until(
            lambda m: isinstance(m, Response) and m.final and m.cseq.method == "INVITE", timeout_s
        )
        assert isinstance(found, Response)
        return found

    async def answered(self) -> tuple[Request, Response, FakeRoom]:
        """Place a call up to its 200, acknowledged."""
        request = invite()
        self.send(request)
        await self.settle(0.1)
        room = self.rooms[-1]
        room.session.on_agent_heard()
        response = await self.final()
        assert response.status == 200
        self.send(in_dialog("ACK", request, response, cseq=request.cseq.number))
        return request, response, room

    async def settle(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # virtual time


def invite(
    *,
    to: str = NUMBER,
    caller: str = "+15550199",
    codecs: Sequence[Codec] = CODECS,
    headers: Sequence[tuple[str, str]] = (),
    cseq: int = 1,
    branch: str = "z9hG4bKfirst",
    call_id: str = "call-1",
    body: bytes | None = None,
) -> Request:
    """Make an INVITE."""
    if body is None:
        offer = offer_audio(local=RtpAddress("192.0.2.7", 4000), session_id=1, codecs=codecs)
        body = sdp.serialize(offer)
    lines = [
        ("Via", f"SIP/2.0/UDP 192.0.2.7:5062;branch={branch};rport"),
        ("From", f"<sip:{caller}@caller.example>;tag=from1"),
        ("To", f"<sip:{to}@198.51.100.1>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} INVITE"),
        ("Contact", "<sip:caller@192.0.2.7:5062>"),
        *headers,
        ("Content-Type", "application/sdp"),
    ]
    return Request("INVITE", f"sip:{to}@198.51.100.1", Headers(tuple(lines)), body)


def in_dialog(
    method: str, request: Request, response: Response, *, cseq: int = 2, body: bytes = b""
) -> Request:
    """Make a request in the dialog that the response began."""
    headers = request.headers.having("To", response.headers.get("To") or "")
    headers = headers.having("CSeq", f"{cseq} {method}").having(
        "Via", f"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK{method}{cseq};rport"
    )
    return Request(method, request.uri, headers, body)


@asynccontextmanager
async def bench(
    *,
    trunks: Sequence[InboundTrunk] = (TRUNK,),
    rules: Sequence[DispatchRule] = (RULE,),
    join_s: float = 0.05,
    join_error: Exception | None = None,
    tables_error: Exception | None = None,
    settings: EdgeSettings = SETTINGS,
) -> AsyncIterator[Bench]:
    """Put an edge on the bench for the block."""
    loop = asyncio.get_running_loop()
    rooms: list[FakeRoom] = []
    ports = FakePorts()

    async def read() -> Tables:
        if tables_error is not None:
            raise tables_error
        return list(trunks), list(rules)

    def make_room(session: RoomListener, rate_hz: int) -> FakeRoom:
        del rate_hz
        rooms.append(FakeRoom(session, join_s, join_error))
        return rooms[-1]

    parts = EdgeParts(
        settings=settings,
        admission=Admission(
            Routing(read, loop.time), NonceMint(b"k" * 32), silent=settings.drop_unrouted
        ),
        ports=ports,
        pacer=Pacer(),
        make_room=make_room,
        join_gate=asyncio.Semaphore(settings.max_joins),
    )
    async with asyncio.TaskGroup() as tasks:
        edge = Edge(settings, parts, tasks)
        wire = FakeWire()
        edge.signalling.connection_made(wire)
        edge.signalling.local = (settings.advertised_ip, settings.listen_port)
        edge.ready.set()
        pacer = tasks.create_task(parts.pacer.run())
        try:
            yield Bench(edge, parts, wire, ports, rooms)
        finally:
            await edge.stop()
            edge.signalling.close()
            pacer.cancel()


def statuses(bench_: Bench) -> list[int]:
    bench_.news()
    return [m.status for m in bench_.log if isinstance(m, Response)]


def rtp_packet(sequence: int, payload: bytes = b"\x80" * 160, payload_type: int = 0) -> bytes:
    return rtp.serialize(rtp.RtpPacket(payload_type, sequence, 160 * sequence, 77, payload))


def outcome(caplog: pytest.LogCaptureFixture) -> Any:  # noqa: ANN401 - a log record's extra fields
    ended = [r for r in caplog.records if r.getMessage() == "call ended"]
    return ended[-1].fields  # type: ignore[attr-defined] # set by json_log
