"""The caller's voice out of a room: 20 ms frames at 16 kHz."""

from collections.abc import Callable

import numpy as np
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent, AudioStreamType
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from switchboard_agent.transport.base import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from switchboard_agent.transport.livekit.ffi import FfiDemux


class InboundStream:
    """Frames of one remote track, pushed to one callback on the event loop."""

    def __init__(self, ffi: FfiDemux, track_handle: int, on_frame: Callable[[Pcm], None]) -> None:
        self._ffi = ffi
        self._on_frame = on_frame
        request = FfiRequest()
        new = request.new_audio_stream
        new.track_handle = track_handle
        new.type = AudioStreamType.AUDIO_STREAM_NATIVE
        new.sample_rate = SAMPLE_RATE_HZ
        new.num_channels = 1
        new.frame_size_ms = FRAME_MS
        new.queue_size_frames = 0
        self._handle = ffi.request(request).new_audio_stream.stream.handle.id
        self._closed = False
        ffi.own_stream(self._handle, self._on_event)

    def close(self) -> None:
        """Stop the stream. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._ffi.drop(self._handle)

    def _on_event(self, event: AudioStreamEvent) -> None:
        # A closed stream keeps its route until its last event: frames under way own native memory.
        if event.WhichOneof("message") == "eos":
            self._ffi.disown_stream(self._handle)
            return
        pcm = np.frombuffer(self._ffi.take_pcm(event.frame_received.frame), dtype=np.int16)
        if not self._closed and pcm.size == FRAME_SAMPLES:
            self._on_frame(pcm)
