"""A call inside one process: a scripted caller on the other side of the engine's transport.

Both directions run on the loop's clock, so the same call takes real time with a real loop and none
with a virtual one. Everything said by either side is kept with its time: the recording is a stereo
picture of the call, caller left, agent right.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from switchboard_agent.transport.base import (
    FRAME_MS,
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    CallInfo,
    CloseReason,
    Listener,
    Pcm,
    Transferred,
)
from switchboard_contract.call_events import TransferResult

_FRAME_SECONDS = FRAME_MS / 1000
_POLL_SECONDS = 0.01
"""How closely a caller watches the agent: half a frame."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame on the wire."""

    at_seconds: float
    """Loop time when it was sent."""
    frame: Pcm


@dataclass(slots=True)
class Recording:
    """What went over the wire, both ways."""

    caller: list[Heard] = field(default_factory=list)
    agent: list[Heard] = field(default_factory=list)

    def stereo(self) -> NDArray[np.int16]:
        """Samples x 2, caller left, agent right, from the first frame on."""
        everything = self.caller + self.agent
        if not everything:
            return np.zeros((0, 2), dtype=np.int16)
        begin = min(heard.at_seconds for heard in everything)
        tracks = [_lay_out(side, begin) for side in (self.caller, self.agent)]
        stereo = np.zeros((max(map(len, tracks)), 2), dtype=np.int16)
        for channel, track in enumerate(tracks):
            stereo[: len(track), channel] = track
        return stereo


def _lay_out(side: list[Heard], begin: float) -> Pcm:
    """Frames at their times, each after the one before where they came in a burst."""
    parts: list[Pcm] = []
    end = 0
    for heard in side:
        gap = round((heard.at_seconds - begin) * SAMPLE_RATE_HZ) - end
        if gap >= FRAME_SAMPLES // 2:
            parts.append(np.zeros(gap, dtype=np.int16))
            end += gap
        parts.append(heard.frame)
        end += len(heard.frame)
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)


class LoopbackTransport:
    """The engine's side of the call, and the wire."""

    def __init__(self, info: CallInfo) -> None:
        self._info = info
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None
        self._early: list[Pcm] = []
        self.recording = Recording()
        self.transfers: list[str] = []
        """Where the agent put its caller through to."""
        self.closed = asyncio.Event()
        """Set when either side has hung up."""

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""
        return self._info

    def attach(self, listener: Listener) -> None:
        """Start pushing; what came earlier is delivered first."""
        self._listener = listener
        for frame in self._early:
            listener.on_audio(frame)
        self._early.clear()

    def play(self, frame: Pcm) -> None:
        """One frame of the agent."""
        if not self.closed.is_set():
            self.recording.agent.append(Heard(self._loop.time(), frame.copy()))

    async def transfer(self, to: str) -> Transferred:
        """The agent hands the caller over, who is taken at once."""
        self.transfers.append(to)
        return Transferred(TransferResult.SUCCEEDED)

    async def hang_up(self) -> None:
        """The agent ends the call."""
        self.closed.set()

    def send(self, frame: Pcm) -> None:
        """One frame of the caller."""
        if self.closed.is_set():
            return
        self.recording.caller.append(Heard(self._loop.time(), frame))
        if self._listener is None:
            self._early.append(frame)
        else:
            self._listener.on_audio(frame)

    def press(self, digit: str) -> None:
        """The caller presses a key."""
        if self._listener is not None and not self.closed.is_set():
            self._listener.on_dtmf(digit)

    def close(self, reason: CloseReason) -> None:
        """The caller's side is gone."""
        if not self.closed.is_set():
            self.closed.set()
            if self._listener is not None:
                self._listener.on_closed(reason)


class LoopbackCaller:
    """Someone on the phone: silence all the time, speech when told."""

    def __init__(self, transport: LoopbackTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._speech: deque[Pcm] = deque()
        self._spoken = asyncio.Event()
        self._silence = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self.muted = False
        """Send nothing at all, not even silence."""

    @property
    def now_ms(self) -> float:
        """Time since the first frame of either side."""
        recording = self._transport.recording
        first = min(side[0].at_seconds for side in (recording.caller, recording.agent) if side)
        return (self._loop.time() - first) * 1000

    async def run(self) -> None:
        """Send a frame every 20 ms until the call is over."""
        due = self._loop.time()
        while not self._transport.closed.is_set():
            self._send_next()
            due += _FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    async def say(self, speech: Pcm) -> None:
        """Speak; returns when the last sample has been sent, or the call is over."""
        self._spoken.clear()
        padding = -len(speech) % FRAME_SAMPLES
        padded = np.concatenate((speech, np.zeros(padding, dtype=np.int16)))
        self._speech.extend(padded.reshape(-1, FRAME_SAMPLES))
        closed = asyncio.ensure_future(self._transport.closed.wait())
        spoken = asyncio.ensure_future(self._spoken.wait())
        try:
            await asyncio.wait((closed, spoken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
            spoken.cancel()

    async def wait_for_agent(self) -> bool:
        """Wait until the agent speaks; False if the call ended first."""
        known = len(self._transport.recording.agent)
        while len(self._transport.recording.agent) == known:
            if self._transport.closed.is_set():
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def wait_for_silence(self, seconds: float) -> bool:
        """Wait until the agent has been silent this long; False if the call ended first."""
        since = self._loop.time()
        while not self._transport.closed.is_set():
            agent = self._transport.recording.agent
            if agent:
                since = max(since, agent[-1].at_seconds + _FRAME_SECONDS)
            if self._loop.time() - since >= seconds:
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def press(self, digit: str) -> None:
        """Press a key."""
        self._transport.press(digit)

    def hang_up(self, reason: CloseReason = CloseReason.CALLER_LEFT) -> None:
        """Leave."""
        self._transport.close(reason)

    def _send_next(self) -> None:
        if self._speech:
            self._transport.send(self._speech.popleft())
            if not self._speech:
                self._spoken.set()
        elif not self.muted:
            self._transport.send(self._silence)
