"""One call by a caller that listens, without SIPp, measured as SIPp's calls are.

For tests on busy machines and for scripts whose replies take unknown time; load tests use SIPp.
"""

import asyncio
import contextlib
import secrets
import socket
import time
from collections import deque

from switchboard_loadtest.caller_speech import CallerTrack
from switchboard_loadtest.caller_view import CallerView, view
from switchboard_loadtest.collector import Ear, open_ear
from switchboard_loadtest.encode import at_rate
from switchboard_loadtest.flite import RATE_HZ
from switchboard_loadtest.reactive import ReactiveCaller
from switchboard_loadtest.signalling import read
from switchboard_loadtest.sipp import Target, local_ip_towards
from switchboard_loadtest.user_agent import UserAgent
from switchboard_loadtest.voiced import FRAME_MS, THRESHOLD_DBFS
from switchboard_media import dtmf
from switchboard_media.codec import Codec
from switchboard_media.errors import Malformed
from switchboard_media.pcm import level_dbfs
from switchboard_media.rtp import parse as parse_rtp
from switchboard_media.rtp_stream import RtpSender
from switchboard_media.sdp_audio import AudioSession


async def call(
    target: Target, caller: ReactiveCaller, codec: Codec, *, number: str = "+15551000001"
) -> tuple[CallerView, CallerTrack]:
    """Place the call, talk until one side hangs up, measure."""
    ip = local_ip_towards(target.host)
    agent = UserAgent(target, number, ip)
    ear = Ear(open_ear(ip))
    try:
        session = await agent.invite(codec, (ip, ear.port))
        sent_ns = await _Talk(session, ear, caller).run(agent) if session is not None else []
    finally:
        agent.close()
        ear.close()
    leg = read(agent.messages, agent.port)[agent.call_id]
    return view(leg, caller.track, sent_ns, ear.heard, codec), caller.track


class _Talk:
    """The sound of an answered call."""

    def __init__(self, session: AudioSession, ear: Ear, caller: ReactiveCaller) -> None:
        self._session = session
        self._ear = ear
        self._caller = caller
        self._encoder = session.codec.make_encoder()
        self._decoder = session.codec.make_decoder()
        self._sender = RtpSender(
            ssrc=secrets.randbits(32), sequence=secrets.randbits(15), timestamp=secrets.randbits(31)
        )
        self._keys: deque[dtmf.EventPacket] = deque()
        self._heard = 0
        self._voiced = False

    async def run(self, agent: UserAgent) -> list[int]:
        """Talk frame by frame; gives when each frame was sent."""
        loop = asyncio.get_running_loop()
        sent_ns: list[int] = []
        due_s = loop.time()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not agent.hung_up():
                output = self._caller.step(agent_voiced=self._listen())
                if output.hang_up:
                    with contextlib.suppress(TimeoutError):
                        await agent.bye()
                    break
                self._keys += [packet for key in output.keys for packet in dtmf.key_press(key)]
                pcm = at_rate(output.pcm, RATE_HZ, self._session.codec.sample_rate_hz)
                remote = self._session.remote
                out.sendto(self._packet(self._encoder.encode(pcm)), (remote.host, remote.port))
                sent_ns.append(time.time_ns())
                due_s += FRAME_MS / 1000
                await asyncio.sleep(due_s - loop.time())
        return sent_ns

    def _packet(self, payload: bytes) -> bytes:
        """The next key's packet, or else sound."""
        event = self._session.event_payload_type
        if self._keys and event is not None:
            return self._sender.event(self._keys.popleft(), payload_type=event)
        duration = self._session.codec.clock_units(FRAME_MS)
        payload_type = self._session.payload_type
        return self._sender.audio(payload, payload_type=payload_type, duration=duration)

    def _listen(self) -> bool:
        """Whether the agent's last frame was voiced."""
        self._ear.take()
        for datagram in self._ear.heard[self._heard :]:
            with contextlib.suppress(Malformed):
                packet = parse_rtp(datagram.data)
                if packet.payload_type == self._session.payload_type:  # else a key of the agent's
                    frame = self._decoder.decode(packet.payload)
                    self._voiced = level_dbfs(frame) >= THRESHOLD_DBFS
        fresh = len(self._ear.heard) > self._heard
        self._heard = len(self._ear.heard)
        return self._voiced and fresh
