"""The caller's sound on its way into the room: 10 ms at a time, when the pacer says so.

An rtc source without a queue costs no thread and no delay, but takes frames of 10 ms only, and each
capture is a task of the native runtime, so that two at once may swap places, which garbles a word.
Half a tick between two keeps their order and needs nobody to wait for the answer.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np
from livekit import rtc
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from switchboard_local.sip_edge import ffi
from switchboard_media.pcm import Pcm

_FRAMES_PER_SECOND = 100
MAX_QUEUED = 40
"""10 ms frames; more than this piles up only when the machine stalls, and delay would stay."""

APART_S = 0.004
"""Least time between two frames; a capture takes half a millisecond."""

IN_TIME = 1
"""Frames that may wait: a packet of 20 ms brings two. More are late, and go at twice the speed."""


class FrameLine:
    """Frames of one caller, sent one by one also after a stall."""

    def __init__(self, send: Callable[[Pcm], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._waiting: deque[Pcm] = deque(maxlen=MAX_QUEUED)
        self._sent_at = -APART_S
        self.dropped = 0

    def push(self, frame: Pcm) -> None:
        """Take a frame; the oldest is dropped where too many wait."""
        self.dropped += len(self._waiting) == MAX_QUEUED
        self._waiting.append(frame)

    def send_due(self) -> None:
        """Send the next frame; a tick that is made up for in one go with others sends nothing."""
        now = self._loop.time()
        if not self._waiting or now - self._sent_at < APART_S:
            return
        self._sent_at = now
        self._send(self._waiting.popleft())
        if len(self._waiting) > IN_TIME:
            self._loop.call_later(APART_S, self.send_due)

    def clear(self) -> None:
        """Send nothing of what waits."""
        self._waiting.clear()


class CallerTrack:
    """One caller's published track."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._frame_samples = sample_rate_hz // _FRAMES_PER_SECOND
        self._source = rtc.AudioSource(sample_rate_hz, 1, queue_size_ms=0)
        self.track = rtc.LocalAudioTrack.create_audio_track("caller", self._source)
        self._line = FrameLine(self._send)
        self._sent: deque[Pcm] = deque(maxlen=12)
        """The native side gets a pointer: the samples stay until they are surely copied."""
        self._rest: Pcm = np.zeros(0, np.int16)
        self._closed = False
        self._message = FfiRequest()
        capture = self._message.capture_audio_frame
        capture.source_handle = self._source._ffi_handle.handle  # noqa: SLF001 - see the module's text
        capture.buffer.sample_rate = sample_rate_hz
        capture.buffer.num_channels = 1
        capture.buffer.samples_per_channel = self._frame_samples

    @property
    def dropped(self) -> int:
        """Frames that came while too many waited."""
        return self._line.dropped

    def push(self, pcm: Pcm) -> None:
        """Take samples at the source's rate."""
        if len(self._rest):
            pcm = np.concatenate((self._rest, pcm))
        size = self._frame_samples
        whole = len(pcm) - len(pcm) % size
        for start in range(0, whole, size):
            self._line.push(pcm[start : start + size])
        self._rest = pcm[whole:]

    def send_due(self) -> None:
        """Send the next 10 ms, if there are any."""
        self._line.send_due()

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        self._line.clear()

    def _send(self, frame: Pcm) -> None:
        if self._closed:
            return
        frame = np.ascontiguousarray(frame)
        self._sent.append(frame)
        self._message.capture_audio_frame.buffer.data_ptr = frame.ctypes.data
        ffi.send(self._message)
