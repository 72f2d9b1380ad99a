"""The agent's voice into a room: an audio source without a queue.

A source with a queue has a thread of its own and 45 ms more delay. Without one, the library takes
exactly 10 ms at a time and leaves timing to us: the pacer calls `play` when a frame is due.

The library copies the samples before `post` returns, so one buffer and one serialised request serve
all captures of a source. It runs captures as tasks, and of several that wait it does not always
take the oldest first. So the second half of a frame goes when the first is answered, half a
millisecond later. On a machine too busy to answer in time, what is late goes without an answer:
two halves in the wrong order are a click, a growing queue would be a late and broken voice.
"""

import logging
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from livekit.rtc._proto.audio_frame_pb2 import AudioSourceType
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_agent.transport.livekit.ffi import OWN_ASYNC_IDS, FfiDemux

CHUNK_SAMPLES = SAMPLE_RATE_HZ // 100
"""10 ms, the only length an unqueued source takes."""

MAX_UNANSWERED = 200
"""Two seconds of captures without an answer: the library stands still, and what is sent to it only
takes memory."""

LATE_SECONDS = 0.015
"""A piece that has waited so long goes at the next frame, answer or not."""

_log = logging.getLogger(__name__)


class UnqueuedSource:
    """One agent's microphone."""

    def __init__(self, ffi: FfiDemux, clock: Callable[[], float] = time.monotonic) -> None:
        self._ffi = ffi
        self._clock = clock
        self.handle = _new_source(ffi)
        self._async_id = OWN_ASYNC_IDS + self.handle
        self._buffer = np.zeros(CHUNK_SAMPLES, dtype=np.int16)
        self._request = self._capture_request()
        self._waiting: deque[tuple[float, Pcm]] = deque()
        self._unanswered = 0
        self._closed = False
        self.dropped_chunks = 0
        """10 ms chunks that the library refused or had no time for."""
        ffi.own_captures(self._async_id, self._on_captured)

    def play(self, frame: Pcm) -> None:
        """Put a frame on the wire now: any multiple of 10 ms."""
        if frame.size % CHUNK_SAMPLES:
            raise ValueError(f"{frame.size} samples are not a multiple of {CHUNK_SAMPLES}")
        if self._closed:
            return
        now = self._clock()
        while self._waiting and now - self._waiting[0][0] >= LATE_SECONDS:
            self._capture(self._waiting.popleft()[1])
        for start in range(0, frame.size, CHUNK_SAMPLES):
            self._waiting.append((now, frame[start : start + CHUNK_SAMPLES].copy()))
        self._capture_next()

    def close(self) -> None:
        """Release the source. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._waiting.clear()
        self._ffi.disown_captures(self._async_id)
        self._ffi.drop(self.handle)

    def _capture_next(self) -> None:
        if self._waiting and not self._unanswered:
            self._capture(self._waiting.popleft()[1])

    def _capture(self, chunk: Pcm) -> None:
        if self._unanswered >= MAX_UNANSWERED:
            self._note_dropped("the media library stands still")
            return
        self._unanswered += 1
        self._buffer[:] = chunk
        self._ffi.post(self._request)

    def _on_captured(self, error: str) -> None:
        self._unanswered -= 1
        if error:
            self._note_dropped(error)
        self._capture_next()

    def _note_dropped(self, reason: str) -> None:
        self.dropped_chunks += 1
        if self.dropped_chunks == 1:
            _log.warning("agent audio is being dropped: %s", reason)

    def _capture_request(self) -> bytes:
        request = FfiRequest()
        capture = request.capture_audio_frame
        capture.source_handle = self.handle
        capture.request_async_id = self._async_id
        capture.buffer.data_ptr = self._buffer.ctypes.data
        capture.buffer.num_channels = 1
        capture.buffer.sample_rate = SAMPLE_RATE_HZ
        capture.buffer.samples_per_channel = CHUNK_SAMPLES
        return request.SerializeToString()


def _new_source(ffi: FfiDemux) -> int:
    request = FfiRequest()
    new = request.new_audio_source
    new.type = AudioSourceType.AUDIO_SOURCE_NATIVE
    new.sample_rate = SAMPLE_RATE_HZ
    new.num_channels = 1
    new.queue_size_ms = 0
    return ffi.request(request).new_audio_source.source.handle.id
