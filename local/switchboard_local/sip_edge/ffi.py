"""The rtc SDK's native events, each sound event handed to its one reader.

As shipped (1.2.0) every native event is read on the native thread and given to every room and every
stream of the process, each with a wake-up of the event loop, so that N calls cost N x N. Here the
native threads copy audio frames and leave the reading to the loop, forget the answers to captures,
and let all else (joins, tracks, data) go the SDK's own way. The media library's own log, which
comes as such events too, is off.

The Python state of each native thread is kept between callbacks: without that CPython makes and
frees one for every event. Made for livekit 1.2.0, and tested against it.
"""

import asyncio
import contextlib
import ctypes
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from livekit.rtc import __version__
from livekit.rtc import _ffi_client as sdk
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest, FfiResponse

StreamReader = Callable[[AudioStreamEvent], None]


def _first_byte(field: str) -> int:
    """With what a serialised event begins that holds this field: number, and type 2."""
    return FfiEvent.DESCRIPTOR.fields_by_name[field].number << 3 | 2


_AUDIO: Final = _first_byte("audio_stream_event")
_CAPTURED: Final = _first_byte("capture_audio_frame")


class FrameRouter:
    """Takes the native events. `take` runs on native threads, all else on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._inbox: deque[bytes] = deque()
        self._wake_pending = False
        self._streams: dict[int, StreamReader] = {}
        self._thread = threading.local()
        self.abandoned: list[object] = []
        """What the native side may still use though nobody waits for it: never freed."""

    def take(self, data: Any, size: int) -> None:  # noqa: ANN401 - a pointer of ctypes
        """Take one event: `size` bytes at `data`."""
        if not hasattr(self._thread, "kept"):
            self._thread.kept = ctypes.pythonapi.PyGILState_Ensure()
        kind = data[0]
        if kind == _AUDIO:
            self._inbox.append(ctypes.string_at(data, size))
            self._wake()
        elif kind != _CAPTURED:
            sdk.ffi_event_callback(data, size)

    def _wake(self) -> None:
        if not self._wake_pending:
            self._wake_pending = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        # Cleared first: what arrives from here on wakes the loop again, so nothing is stranded.
        self._wake_pending = False
        while self._inbox:
            self._give(FfiEvent.FromString(self._inbox.popleft()).audio_stream_event)

    def _give(self, event: AudioStreamEvent) -> None:
        reader = self._streams.get(event.stream_handle)
        if reader is None:  # the last few of a call
            release_frame(event)
        else:
            reader(event)

    def read_stream(self, handle: int, reader: StreamReader) -> None:
        """Give the frames of one audio stream to this reader, on the loop."""
        self._streams[handle] = reader

    def forget_stream(self, handle: int) -> None:
        """Drop what still comes of the stream."""
        self._streams.pop(handle, None)


_FFI: Final = sdk.FfiClient
_BytePointer: Final = ctypes.POINTER(ctypes.c_ubyte)


def install_router() -> FrameRouter:
    """Take the native events from the SDK. To be called on the loop, before any room is made."""
    router = FrameRouter(asyncio.get_running_loop())
    callback = sdk.ffi_cb_fnc(router.take)
    # A native thread may be inside the callback at any time: it is never freed.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
    client = _FFI.instance
    client._ffi_lib.livekit_ffi_initialize(  # noqa: SLF001 - the SDK has no seam for this
        callback,
        False,  # noqa: FBT003 - a signature of C; whether to send the library's log as events
        b"python",
        __version__.encode(),
    )
    client.request = joining_once(client.request)
    return router


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
