"""The rtc SDK's event queue, made to hand each sound event to its one reader.

As shipped (1.2.0) every native event is given to every room and every stream of the process, each
with a wake-up of the event loop, so that N calls cost N x N. The queue installed here gives audio
frames to the stream that asked, counts the answers to captures without waking anyone, and lets all
else (joins, tracks, data) go the SDK's own way.

It also keeps the Python state of each native thread between callbacks: without that CPython makes
and frees one for every event. Made for livekit 1.2.0, and tested against it.
"""

import asyncio
import contextlib
import ctypes
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from livekit.rtc._ffi_client import FfiClient, FfiQueue
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest, FfiResponse
from typing_extensions import override

StreamReader = Callable[[AudioStreamEvent], None]


class RoutedQueue(FfiQueue[FfiEvent]):
    """Stands in for the SDK's queue. `put` runs on native threads, all else on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._inbox: deque[FfiEvent] = deque()
        self._wake_pending = False
        self._streams: dict[int, StreamReader] = {}
        self._thread = threading.local()
        self.dropped_events = 0
        """Frames whose reader was gone: normal for the last few of a call."""
        self.failed_captures = 0
        self.abandoned: list[object] = []
        """What the native side may still use though nobody waits for it: never freed."""

    @override
    def put(self, item: FfiEvent) -> None:
        if not hasattr(self._thread, "kept"):
            self._thread.kept = ctypes.pythonapi.PyGILState_Ensure()
        match item.WhichOneof("message"):
            case "audio_stream_event":
                self._hand_over(item)
            case "capture_audio_frame":
                self.failed_captures += bool(item.capture_audio_frame.error)
            case _:
                super().put(item)

    def _hand_over(self, item: FfiEvent) -> None:
        self._inbox.append(item)
        if not self._wake_pending:
            self._wake_pending = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        # Cleared first: what arrives from here on wakes the loop again, so nothing is stranded.
        self._wake_pending = False
        while self._inbox:
            self._give(self._inbox.popleft().audio_stream_event)

    def _give(self, event: AudioStreamEvent) -> None:
        reader = self._streams.get(event.stream_handle)
        if reader is None:
            self.dropped_events += 1
            release_frame(event)
        else:
            reader(event)

    def read_stream(self, handle: int, reader: StreamReader) -> None:
        """Give the frames of one audio stream to this reader, on the loop."""
        self._streams[handle] = reader

    def forget_stream(self, handle: int) -> None:
        """Drop what still comes of the stream."""
        self._streams.pop(handle, None)


_FFI: Final = FfiClient
_BytePointer: Final = ctypes.POINTER(ctypes.c_ubyte)


def install_queue() -> RoutedQueue:
    """Replace the SDK's queue. To be called on the loop, before any room is made."""
    queue = RoutedQueue(asyncio.get_running_loop())
    _FFI.instance._queue = queue  # noqa: SLF001 - the SDK has no seam for this
    _FFI.instance.request = joining_once(_FFI.instance.request)
    return queue


def joining_once(ask: Callable[[FfiRequest], FfiResponse]) -> Callable[[FfiRequest], FfiResponse]:
    """Make a join fail where the SDK would join again.

    A worker that is full removes the caller, perhaps while the caller is still joining. Joining
    again would make the room anew and ring there; the caller is to hear that nobody is free.
    """

    def asking(message: FfiRequest) -> FfiResponse:
        if message.HasField("connect"):
            message.connect.options.join_retries = 0
        return ask(message)

    return asking


def request(message: FfiRequest) -> FfiResponse:
    """Call the native library."""
    response: FfiResponse = _FFI.instance.request(message)
    return response


def send(message: FfiRequest) -> None:
    """Call the native library and do not look at its response: for what happens 100 times a second.

    The SDK's own way parses the response and makes a tracked object of its handle.
    """
    data = message.SerializeToString()
    response = _BytePointer()
    size = ctypes.c_size_t()
    handle = _FFI.instance._ffi_lib.livekit_ffi_request(  # noqa: SLF001 - see above
        ctypes.cast(ctypes.c_char_p(data), _BytePointer),
        len(data),
        ctypes.byref(response),
        ctypes.byref(size),
    )
    release(handle)


def release(handle: int) -> None:
    """Free a native object."""
    _FFI.instance._ffi_lib.livekit_ffi_drop_handle(ctypes.c_uint64(handle))  # noqa: SLF001 - cheaper than the SDK's tracked handle, 50 times a second


def release_frame(event: AudioStreamEvent) -> None:
    """Free the samples of a frame event."""
    if event.HasField("frame_received"):
        release(event.frame_received.frame.handle.id)
