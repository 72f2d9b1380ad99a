"""An agent for tests: joins a room by its own token, plays a tone and notes what it hears."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
from livekit import api, rtc

from switchboard_local.servers import LiveKitServer
from switchboard_media.pcm import Pcm

RATE_HZ = 16_000
FRAME_SAMPLES = RATE_HZ // 50


class ToneAgent:
    """One agent in one room."""

    def __init__(self, tone_hz: float) -> None:
        self.tone_hz = tone_hz
        self.room = rtc.Room()
        self.heard: list[Pcm] = []
        self._arrived = asyncio.Event()
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        self.caller: asyncio.Queue[rtc.RemoteParticipant] = asyncio.Queue()
        self.caller_left = asyncio.Event()
        self._streams: list[asyncio.Task[None]] = []

    async def join(self, livekit: LiveKitServer, room: str) -> None:
        token = (
            api.AccessToken(livekit.api_key, livekit.api_secret)
            .with_kind("agent")
            .with_identity("tone-agent")
            .with_grants(api.VideoGrants(room_join=True, room=room))
        )
        self.room.on("track_subscribed", self._on_track)
        self.room.on("sip_dtmf_received", lambda key: self.keys.put_nowait(key.digit))
        self.room.on("participant_connected", self.caller.put_nowait)
        self.room.on("participant_disconnected", lambda _: self.caller_left.set())
        await self.room.connect(livekit.ws_url, token.to_jwt())
        for participant in self.room.remote_participants.values():
            self.caller.put_nowait(participant)

    async def play(self) -> None:
        """Publish a track and play the tone on it for ever."""
        source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track("tone", source)
        await self.room.local_participant.publish_track(track)
        try:
            await self._hum(source)
        finally:
            await source.aclose()

    async def _hum(self, source: rtc.AudioSource) -> None:
        position = 0
        while True:
            phase = 2 * np.pi * self.tone_hz * (np.arange(FRAME_SAMPLES) + position) / RATE_HZ
            pcm = (8000 * np.sin(phase)).astype(np.int16)
            position += FRAME_SAMPLES
            await source.capture_frame(rtc.AudioFrame(pcm.tobytes(), RATE_HZ, 1, FRAME_SAMPLES))

    def _on_track(
        self, track: rtc.Track, _publication: object, _participant: rtc.RemoteParticipant
    ) -> None:
        self._streams.append(asyncio.get_running_loop().create_task(self._listen(track)))

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1)
        try:
            async for event in stream:
                self.heard.append(np.frombuffer(event.frame.data, np.int16).copy())
                self._arrived.set()
        finally:
            await stream.aclose()

    async def hears(self, frames: int, timeout_s: float = 10.0) -> None:
        """Wait for this many more frames of 10 ms."""
        enough = len(self.heard) + frames
        async with asyncio.timeout(timeout_s):
            while len(self.heard) < enough:
                self._arrived.clear()
                await self._arrived.wait()

    async def leave(self) -> None:
        for task in self._streams:
            task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        await self.room.disconnect()


@contextlib.asynccontextmanager
async def tone_agent(
    livekit: LiveKitServer, room: str, *, tone_hz: float = 700.0, play: bool = True
) -> AsyncIterator[ToneAgent]:
    """Put an agent into a room for the block."""
    agent = ToneAgent(tone_hz)
    await agent.join(livekit, room)
    try:
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(agent.play()) if play else None
            yield agent
            if playing is not None:
                playing.cancel()
    finally:
        await agent.leave()
