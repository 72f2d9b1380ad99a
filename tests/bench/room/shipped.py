"""The same calls on the LiveKit SDK as it ships: its Room, AudioStream and queued AudioSource."""

import asyncio
from collections import deque

import numpy as np
from livekit import rtc

from switchboard_agent.transport.base import CallInfo, CloseReason, Listener, Pcm, Transferred
from switchboard_agent.transport.livekit.transport import CallTicket
from tests.bench.engine.script import FRAME_MS, FRAME_SAMPLES, RATE_HZ


class ShippedTransport:
    """One call."""

    def __init__(self, ticket: CallTicket) -> None:
        self.info = CallInfo(ticket.room, ticket.dispatch.agent, ticket.dispatch.revision)
        self._room = rtc.Room()
        self._source = rtc.AudioSource(RATE_HZ, 1)
        self._listener: Listener | None = None
        self._early: deque[Pcm] = deque(maxlen=250)
        self._frames: asyncio.Queue[Pcm] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, ticket: CallTicket) -> None:
        """Join and publish."""
        self._room.on("track_subscribed", self._on_track)
        self._room.on("participant_disconnected", self._on_left)
        await self._room.connect(ticket.url, ticket.token)
        track = rtc.LocalAudioTrack.create_audio_track("agent", self._source)
        await self._room.local_participant.publish_track(track)
        self._tasks.append(asyncio.create_task(self._speak()))

    def _on_track(self, track: rtc.Track, *_: object) -> None:
        self._tasks.append(asyncio.create_task(self._listen(track)))

    def _on_left(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.on_closed(CloseReason.CALLER_LEFT)

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1, frame_size_ms=FRAME_MS)
        async for event in stream:
            self._hear(event.frame.data)

    def _hear(self, data: memoryview) -> None:
        pcm = np.frombuffer(data, np.int16)
        if self._listener is not None:
            self._listener.on_audio(pcm)
        else:
            self._early.append(pcm)

    async def _speak(self) -> None:
        while True:
            frame = await self._frames.get()
            await self._source.capture_frame(
                rtc.AudioFrame(frame.tobytes(), RATE_HZ, 1, FRAME_SAMPLES)
            )

    async def wait_until_answered(self) -> None:
        """No phone rings here."""

    def attach(self, listener: Listener) -> None:
        """Start pushing."""
        self._listener = listener
        while self._early:
            listener.on_audio(self._early.popleft())

    def play(self, frame: Pcm) -> None:
        """One frame of the agent."""
        self._frames.put_nowait(frame)

    def terminate(self) -> None:
        """The room is gone."""

    async def transfer(self, to: str) -> Transferred:
        """No caller of the benchmark wants a human."""
        raise AssertionError(to)

    async def hang_up(self) -> None:
        """Leave."""
        for task in self._tasks:
            task.cancel()
        await self._room.disconnect()


async def open_shipped(ticket: CallTicket) -> ShippedTransport:
    """Join the room of a call."""
    transport = ShippedTransport(ticket)
    await transport.open(ticket)
    return transport
