"""Keys of the agent on their way to the phone: what stands in the packets, tick by tick."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from typing_extensions import override

from switchboard_local.sip_edge.rtp_leg import MAX_QUEUED_KEYS, RtpLeg
from switchboard_media import dtmf, rtp
from switchboard_media.codec import CODECS, PCMU, Codec
from switchboard_media.pcm import Pcm
from switchboard_media.sdp_audio import AudioSession, RtpAddress

EVENTS = 101


class Socket(asyncio.DatagramTransport):
    """Where the leg's packets go."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[rtp.RtpPacket] = []

    @override
    def sendto(self, data: object, addr: object = None) -> None:
        assert isinstance(data, bytes)
        self.sent.append(rtp.parse(data))


class Nobody:
    """A listener of a caller who is silent."""

    def on_caller_audio(self, pcm: Pcm) -> None:
        """Nothing."""

    def on_caller_key(self, key: str) -> None:
        """Nothing."""

    def on_caller_packet(self) -> None:
        """Nothing."""


def leg(codec: Codec = PCMU, events: int | None = EVENTS) -> tuple[RtpLeg, Socket]:
    remote = RtpAddress("192.0.2.1", 4000)
    made = RtpLeg(AudioSession(remote, codec, codec.payload_type, events), Nobody())
    socket = Socket()
    made.connection_made(socket)
    return made, socket


def ticks(one: RtpLeg, codec: Codec, count: int) -> None:
    for _ in range(count):
        one.send(np.zeros(codec.samples(20), np.int16), 0)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_two_keys_are_tone_and_gap_of_a_tenth_of_a_second_each(codec: Codec) -> None:
    one, socket = leg(codec)
    ticks(one, codec, 2)
    assert one.press("1")
    assert one.press("a")
    ticks(one, codec, 20)
    told = [p.payload_type == EVENTS for p in socket.sent]
    # 5 packets a key, the last with two copies in the same tick; 5 ticks of sound behind each.
    assert told == [False] * 2 + ([True] * 7 + [False] * 5) * 2
    receiver = dtmf.DtmfReceiver()
    keys = [
        receiver.receive(p.ssrc, p.timestamp, p.payload)
        for p in socket.sent
        if p.payload_type == EVENTS
    ]
    assert [key for key in keys if key] == ["1", "A"]


def test_the_packets_of_a_key_are_those_of_rfc_4733() -> None:
    one, socket = leg()
    ticks(one, PCMU, 1)
    one.press("5")
    ticks(one, PCMU, 11)
    before, *press = socket.sent[:8]
    after = socket.sent[8]
    assert {p.timestamp for p in press} == {(before.timestamp + 160) % 2**32}
    assert after.timestamp == (press[0].timestamp + 800) % 2**32
    assert [p.marker for p in press] == [True] + [False] * 6
    assert after.marker
    events = [dtmf.parse(p.payload) for p in press]
    assert [e.duration for e in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [e.end for e in events] == [False] * 4 + [True] * 3
    numbers = [p.sequence for p in socket.sent]
    assert all((b - a) % 2**16 == 1 for a, b in pairwise(numbers))


def test_a_phone_without_events_is_sent_none() -> None:
    one, socket = leg(events=None)
    assert not one.press("1")
    ticks(one, PCMU, 5)
    assert len(socket.sent) == 5


def test_what_is_no_key_and_what_is_too_much_is_refused() -> None:
    one, _ = leg()
    assert not one.press("w")
    assert not one.press("12")
    assert [one.press("1") for _ in range(MAX_QUEUED_KEYS + 1)] == [True] * MAX_QUEUED_KEYS + [
        False
    ]
