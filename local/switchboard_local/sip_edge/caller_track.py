"""The caller's sound on its way into the room: 10 ms at a time, when the pacer says so.

An rtc source without a queue costs no thread and no delay, but takes frames of 10 ms only, and each
capture is a task of the native runtime, so that two at once may swap places. One each 10 ms keeps
their order and needs nobody to wait for the answer.
"""

from collections import deque

import numpy as np
from livekit import rtc
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from switchboard_local.sip_edge import ffi
from switchboard_media.pcm import Pcm

_FRAMES_PER_SECOND = 100
MAX_QUEUED = 40
"""10 ms frames; more than this piles up only when the machine stalls, and delay would stay."""

LONG_QUEUE = 6
"""Above this two are sent at once: delay is worse than the small chance that they swap."""


class CallerTrack:
    """One caller's published track."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._frame_samples = sample_rate_hz // _FRAMES_PER_SECOND
        self._source = rtc.AudioSource(sample_rate_hz, 1, queue_size_ms=0)
        self.track = rtc.LocalAudioTrack.create_audio_track("caller", self._source)
        self._waiting: deque[Pcm] = deque(maxlen=MAX_QUEUED)
        self._sent: deque[Pcm] = deque(maxlen=2 * LONG_QUEUE)
        """The native side gets a pointer: the samples stay until they are surely copied."""
        self._rest: Pcm = np.zeros(0, np.int16)
        self._closed = False
        self._message = FfiRequest()
        capture = self._message.capture_audio_frame
        capture.source_handle = self._source._ffi_handle.handle  # noqa: SLF001 - see the module's text
        capture.buffer.sample_rate = sample_rate_hz
        capture.buffer.num_channels = 1
        capture.buffer.samples_per_channel = self._frame_samples
        self.dropped = 0

    def push(self, pcm: Pcm) -> None:
        """Take samples at the source's rate."""
        if len(self._rest):
            pcm = np.concatenate((self._rest, pcm))
        size = self._frame_samples
        whole = len(pcm) - len(pcm) % size
        for start in range(0, whole, size):
            self.dropped += len(self._waiting) == MAX_QUEUED
            self._waiting.append(pcm[start : start + size])
        self._rest = pcm[whole:]

    def send_due(self) -> None:
        """Send the next 10 ms, if there are any."""
        for _ in range(1 if len(self._waiting) <= LONG_QUEUE else 2):
            if self._waiting and not self._closed:
                self._send(np.ascontiguousarray(self._waiting.popleft()))

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        self._waiting.clear()

    def _send(self, frame: Pcm) -> None:
        self._sent.append(frame)
        self._message.capture_audio_frame.buffer.data_ptr = frame.ctypes.data
        ffi.send(self._message)
