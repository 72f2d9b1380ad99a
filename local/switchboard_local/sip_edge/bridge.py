"""The sound of one call, both ways: phone leg, room leg, and the pacer that drives them.

Until the answer the phone's track carries silence, because the room's other side subscribes to a
track only once sound comes over it; what the room says meanwhile nobody hears.

A call that comes in joins the room at its codec's rate. One that is placed joins before its codec
is settled, and what goes between the two is resampled where they differ.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from switchboard_local.sip_edge.mixer import Mixer
from switchboard_local.sip_edge.pacer import Pacer
from switchboard_local.sip_edge.rtp_leg import FRAME_MS, RtpLeg, RtpPorts, is_sendable
from switchboard_media import sdp
from switchboard_media.codec import CODECS, Codec
from switchboard_media.fir_resample import FrameResampler
from switchboard_media.pcm import Pcm
from switchboard_media.sdp import SessionDescription
from switchboard_media.sdp_audio import (
    AudioSession,
    NoCommonAudio,
    RtpAddress,
    answer_audio,
    offer_audio,
    read_answer,
)

_ANY_PORT = RtpAddress("127.0.0.1", 9)
"""Stands where no port is open yet."""


class BridgeUser(Protocol):
    """Who hears of what is not sound."""

    def on_caller_packet(self) -> None:
        """Note that the caller's side is alive."""

    def on_caller_key(self, key: str) -> None:
        """Take a key of the caller, after the answer."""


class CallerSound(Protocol):
    """The caller's published track."""

    @property
    def dropped(self) -> int:
        """Frames that came while too many waited."""

    def push(self, pcm: Pcm) -> None:
        """Take samples at the codec's rate."""

    def send_due(self) -> None:
        """Send the next 10 ms."""


class CallerRoom(Protocol):
    """The room as a call uses it: `room.RoomLeg`."""

    @property
    def mixer(self) -> Mixer:
        """What the others say."""

    @property
    def track(self) -> CallerSound:
        """What the caller says."""

    @property
    def participant_id(self) -> str:
        """LiveKit's name of the phone in the room, once joined."""

    async def join(self, ws_url: str, token: str) -> None:
        """Join and publish."""

    async def set_status(self, status: str, more: Mapping[str, str] | None = None) -> None:
        """Tell the room how the call stands, and more attributes of it."""

    async def press(self, key: str) -> None:
        """Tell the room of a key of the caller."""

    async def leave(self) -> None:
        """Leave the room."""


def audio_session(offer: SessionDescription, codecs: Sequence[Codec] = CODECS) -> AudioSession:
    """Read what an offer would settle with these codecs. Raises `NoCommonAudio`, `MalformedSdp`."""
    session = answer_audio(offer, local=_ANY_PORT, session_id=0, codecs=codecs).session
    if not is_sendable(session):
        raise NoCommonAudio("the SDP's address is not an IP address")
    return session


def unsettled(codecs: Sequence[Codec]) -> AudioSession:
    """What stands for the audio of a call whose phone has not answered: nothing is sent."""
    return AudioSession(RtpAddress("0.0.0.0", 0), codecs[0], codecs[0].payload_type, None)  # noqa: S104 - the address of a call on hold


class Bridge:
    """One call's sound."""

    def __init__(
        self, audio: AudioSession, user: BridgeUser, pacer: Pacer, *, room_rate_hz: int
    ) -> None:
        self.room_rate_hz = room_rate_hz
        self._user = user
        self._pacer = pacer
        self._rtp = RtpLeg(audio, self)
        self._room: CallerRoom | None = None
        self._talking = False
        self._local = _ANY_PORT
        # Whole seconds of the loop's clock: unique for this port, as RFC 8866 asks.
        self._session_id = int(asyncio.get_running_loop().time())
        self._session_version = 0
        self._silence: Pcm = np.zeros(room_rate_hz * FRAME_MS // 1000, np.int16)
        self._settle(audio)

    def _settle(self, audio: AudioSession) -> None:
        rate_hz = audio.codec.sample_rate_hz
        self.audio = audio
        self._to_room = FrameResampler(rate_hz, self.room_rate_hz)
        self._to_phone = FrameResampler(self.room_rate_hz, rate_hz)

    async def open_port(
        self, ports: RtpPorts, ip: str, advertised_ip: str, offer: SessionDescription
    ) -> bytes:
        """Open the phone's leg; returns the SDP that answers the offer."""
        await self._open(ports, ip, advertised_ip)
        return self._answer(offer)

    async def open_offer(
        self, ports: RtpPorts, ip: str, advertised_ip: str, codecs: Sequence[Codec]
    ) -> bytes:
        """Open the phone's leg; returns the SDP that asks for one of these codecs."""
        await self._open(ports, ip, advertised_ip)
        offer = offer_audio(local=self._local, session_id=self._session_id, codecs=codecs)
        return sdp.serialize(offer)

    async def _open(self, ports: RtpPorts, ip: str, advertised_ip: str) -> None:
        self._local = RtpAddress(advertised_ip, await ports.open(ip, self._rtp))

    def _answer(self, offer: SessionDescription) -> bytes:
        answer = answer_audio(
            offer,
            local=self._local,
            session_id=self._session_id,
            session_version=self._session_version,
            codecs=(self.audio.codec,),
        )
        return sdp.serialize(answer.description)

    def settle(self, answer: SessionDescription, codecs: Sequence[Codec]) -> None:
        """Take the answer to our offer; raises `NoCommonAudio`, `MalformedSdp`."""
        audio = read_answer(answer, codecs)
        if not is_sendable(audio):
            raise NoCommonAudio("the SDP's address is not an IP address")
        self._settle(audio)
        self._rtp.retarget(audio)

    def attach(self, room: CallerRoom) -> None:
        """Start the clock with the room's leg."""
        self._room = room
        self._pacer.add(self)

    def start(self) -> None:
        """Let both sides hear each other."""
        self._talking = True
        if self._room is not None:
            self._room.mixer.flush()

    def close(self) -> None:
        """Stop the clock and free the port; safe to call twice."""
        self._pacer.remove(self)
        self._rtp.close()

    def move(self, offer: SessionDescription) -> bytes:
        """Send to the offer's address from now on; raises `NoCommonAudio`, `MalformedSdp`.

        Returns the SDP that answers the offer.
        """
        self.audio = audio_session(offer, (self.audio.codec,))
        self._rtp.retarget(self.audio)
        self._session_version += 1
        return self._answer(offer)

    def press(self, key: str) -> None:
        """Play a key of the room to the caller."""
        if self._talking:
            self._rtp.press(key)

    def press_all(self, keys: str) -> None:
        """Play keys to the phone; `w` is a pause of half a second."""
        for key in keys:
            if key == "w":
                self._rtp.pause()
            else:
                self._rtp.press(key)

    def on_half_tick(self) -> None:
        """Capture 10 ms of the caller."""
        if self._room is not None:
            self._room.track.send_due()

    def on_tick(self, skipped: int) -> None:
        """Send 20 ms to the caller, or keep the caller's track alive before the answer."""
        if self._room is None:
            return
        if self._talking:
            pcm = self._room.mixer.pull()
            self._rtp.send(None if pcm is None else self._to_phone.process(pcm), skipped)
        else:
            self._room.track.push(self._silence)

    def on_caller_audio(self, pcm: Pcm) -> None:
        """Pass the caller's sound on, from the answer on."""
        if self._room is not None and self._talking:
            self._room.track.push(self._to_room.process(pcm))

    def on_caller_key(self, key: str) -> None:
        """Pass a key on, from the answer on."""
        if self._talking:
            self._user.on_caller_key(key)

    def on_caller_packet(self) -> None:
        """Pass the sign of life on."""
        self._user.on_caller_packet()

    def counters(self) -> dict[str, int]:
        """Count what went over both legs, for the call's log line."""
        rtp, stream = self._rtp.counters, self._rtp.stream
        counted = {
            "rtp_in": stream.packets,
            "rtp_lost": stream.lost,
            "rtp_late": stream.late,
            "rtp_malformed": rtp.malformed,
            "rtp_other": rtp.other_payload,
            "rtp_out": rtp.sent,
            "gaps_filled": rtp.gaps_filled,
            "keys_in": rtp.keys_in,
            "keys_out": rtp.keys_out,
        }
        if self._room is not None:
            counted |= {
                "capture_dropped": self._room.track.dropped,
                "mixer_underruns": self._room.mixer.underruns,
                "mixer_dropped": self._room.mixer.dropped,
            }
        return counted
