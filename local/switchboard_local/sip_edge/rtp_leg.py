"""The phone side of one call's sound: one UDP socket, RTP both ways.

In: packets of the agreed codec are decoded and handed on with gaps filled, keys become digits, all
else is counted and dropped; nothing a stranger sends can raise. Out: one packet on each tick of the
pacer, silence where nobody speaks, key presses instead of sound while they last.
"""

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from typing_extensions import override

from switchboard_local.sip_edge.caller_stream import CallerStream
from switchboard_local.sip_edge.dialog_side import is_ip_address
from switchboard_media import dtmf, rtp
from switchboard_media.errors import MalformedPacket
from switchboard_media.pcm import Pcm
from switchboard_media.rtp_stream import RtpSender
from switchboard_media.sdp_audio import AudioSession

MAX_DATAGRAM = 2048
"""Larger than any packet of 20-60 ms; more is not sound."""

MAX_QUEUED_KEYS = 32
FRAME_MS = 20
_GAP = (None,) * (dtmf.GAP_MS // FRAME_MS)
_PAUSE = (None,) * (500 // FRAME_MS)


class RtpListener(Protocol):
    """Who takes the caller's sound."""

    def on_caller_audio(self, pcm: Pcm) -> None:
        """Take samples at the codec's rate, in order."""

    def on_caller_key(self, key: str) -> None:
        """Take a key press."""

    def on_caller_packet(self) -> None:
        """Note that the caller's side is alive."""


@dataclass(slots=True)
class RtpCounters:
    """For the call's log line."""

    malformed: int = 0
    other_payload: int = 0
    keys_in: int = 0
    keys_out: int = 0
    gaps_filled: int = 0
    sent: int = 0


class RtpLeg(asyncio.DatagramProtocol):
    """One call's RTP socket."""

    def __init__(self, session: AudioSession, listener: RtpListener) -> None:
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None
        self._keys_in = dtmf.DtmfReceiver()
        self._keys_out: deque[dtmf.EventPacket | None] = deque()
        """None is a tick of sound between two keys."""
        self._sender = RtpSender(
            ssrc=secrets.randbits(32), sequence=secrets.randbits(16), timestamp=secrets.randbits(32)
        )
        self.counters = RtpCounters()
        self._settle(session)

    def retarget(self, session: AudioSession) -> None:
        """Send elsewhere, or hold, from now on; another codec begins anew."""
        if session.codec is self._codec:
            self._session = session
        else:
            self._settle(session)

    def _settle(self, session: AudioSession) -> None:
        self._codec = session.codec
        self._decoder = session.codec.make_decoder()
        self._encoder = session.codec.make_encoder()
        self._silence = np.zeros(session.codec.samples(FRAME_MS), np.int16)
        self._ticks = session.codec.clock_units(FRAME_MS)
        self.stream = CallerStream(session.codec.clock_rate_hz)
        self._session = session

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def error_received(self, exc: Exception) -> None:
        """Nothing: the peer's port is closed, and the media timeout ends the call."""

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if self._transport is None or rtp.looks_like_rtcp(data):
            return
        try:
            if len(data) > MAX_DATAGRAM:
                raise MalformedPacket("too large")  # noqa: TRY301 - counted with the rest
            self._take(rtp.parse(data))
        except MalformedPacket:
            self.counters.malformed += 1

    def _take(self, packet: rtp.RtpPacket) -> None:
        if packet.payload_type == self._session.payload_type:
            self._listener.on_caller_packet()
            self._take_audio(packet)
        elif packet.payload_type == self._session.event_payload_type:
            self._listener.on_caller_packet()
            self._take_key(packet)
        else:
            self.counters.other_payload += 1

    def _take_audio(self, packet: rtp.RtpPacket) -> None:
        codec = self._codec
        samples = len(packet.payload) * codec.samples_per_byte
        duration = samples * codec.clock_rate_hz // codec.sample_rate_hz
        missing = self.stream.accept(packet.ssrc, packet.sequence, packet.timestamp, duration)
        if missing is None or not duration:
            return
        if missing:
            self.counters.gaps_filled += 1
            self._fill(missing)
        self._listener.on_caller_audio(self._decoder.decode(packet.payload))

    def _take_key(self, packet: rtp.RtpPacket) -> None:
        event = dtmf.parse(packet.payload)
        self._fill(
            self.stream.accept_event(packet.ssrc, packet.sequence, packet.timestamp, event.duration)
        )
        key = self._keys_in.receive(packet.ssrc, packet.timestamp, packet.payload)
        if key is not None:
            self.counters.keys_in += 1
            self._listener.on_caller_key(key)

    def _fill(self, clock_units: int) -> None:
        """Pass silence on for this long."""
        samples = clock_units * self._codec.sample_rate_hz // self._codec.clock_rate_hz
        if samples:
            self._listener.on_caller_audio(np.zeros(samples, np.int16))

    def press(self, key: str) -> bool:
        """Queue a key press towards the caller; whether the caller can take it."""
        key = key.upper()
        if self._session.event_payload_type is None or len(key) != 1 or key not in dtmf.KEYS:
            return False
        duration = self._codec.clock_units(dtmf.TONE_MS)
        press = (*dtmf.key_press(key, duration=duration, step=self._ticks), *_GAP)
        if len(self._keys_out) + len(press) > MAX_QUEUED_KEYS * len(press):
            return False
        self._keys_out.extend(press)
        self.counters.keys_out += 1
        return True

    def pause(self) -> None:
        """Queue half a second without a key."""
        if len(self._keys_out) < MAX_QUEUED_KEYS * len(_PAUSE):
            self._keys_out.extend(_PAUSE)

    def send(self, pcm: Pcm | None, skipped: int) -> None:
        """Send this tick's packet: sound, silence where there is none, or a part of a key."""
        if skipped:
            self._sender.silence(skipped * self._ticks)
        if not self._session.may_send or self._transport is None:
            self._sender.silence(self._ticks)
            return
        if not self._send_key():
            payload = self._encoder.encode(self._silence if pcm is None else pcm)
            self._put(
                self._sender.audio(
                    payload, payload_type=self._session.payload_type, duration=self._ticks
                )
            )

    def _send_key(self) -> bool:
        """Send one packet of a key, and with it those that take no time (copies of the end).

        False where this tick has none.
        """
        payload_type = self._session.event_payload_type
        if payload_type is None:
            self._keys_out.clear()
        while self._keys_out and (packet := self._keys_out.popleft()) and payload_type is not None:
            self._put(self._sender.event(packet, payload_type=payload_type))
            if packet.advance:
                return True
        return False

    def _put(self, datagram: bytes) -> None:
        remote = self._session.remote
        if self._transport is not None:
            self._transport.sendto(datagram, (remote.host, remote.port))
            self.counters.sent += 1


def is_sendable(session: AudioSession) -> bool:
    """Whether the peer gave an IP address: a name would make each packet wait for DNS."""
    return is_ip_address(session.remote.host)


class NoRtpPortError(Exception):
    """Every port of the range is taken. Remedy: a wider --rtp-ports."""


class RtpPorts:
    """Hands out even ports in turn, so that one just freed rests longest."""

    def __init__(self, first: int, last: int) -> None:
        self._ports = range(first, last + 1, 2)
        self._next = 0

    async def open(self, ip: str, leg: RtpLeg) -> int:
        """Bind the leg's socket to the next free port."""
        loop = asyncio.get_running_loop()
        for _ in range(len(self._ports)):
            port = self._ports[self._next]
            self._next = (self._next + 1) % len(self._ports)
            try:
                await loop.create_datagram_endpoint(lambda: leg, local_addr=(ip, port))
            except OSError:
                continue
            return port
        raise NoRtpPortError(f"no free port in {self._ports[0]}-{self._ports[-1]}")
