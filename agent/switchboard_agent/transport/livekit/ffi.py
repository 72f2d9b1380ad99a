"""One door to the native LiveKit library for all calls of a process.

The library reports everything (audio frames, room events, answers to requests) through one
callback on its own threads. The SDK's Python side hands each event to every subscriber, which
costs the square of the number of calls. Here each event goes to the one object it belongs to:

    native thread: copy the bytes, append to a deque, wake the loop once per batch
    loop thread:   parse, look up by stream handle, room handle or async id, call

Two things make the native side cheap. Threads that call back keep their Python thread state:
without it CPython builds and destroys one per event, which alone was a fifth of a worker's CPU.
And nothing is parsed on a native thread, so the interpreter lock is held for microseconds.

What nobody here has claimed goes to the SDK's own queue, so its objects work beside ours.
"""

import asyncio
import ctypes
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from livekit.rtc import _ffi_client as sdk
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent, OwnedAudioFrameBuffer
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest, FfiResponse, LogBatch
from livekit.rtc._proto.room_pb2 import RoomEvent
from livekit.rtc.version import __version__ as sdk_version

SUPPORTED_SDK: Final = "1.2.0"
"""The SDK whose internals this module was written for and is tested against."""

OWN_ASYNC_IDS: Final = 1 << 62
"""Request ids chosen here start above every id the library counts up to."""

_log = logging.getLogger(__name__)
_native_log = logging.getLogger("livekit.native")


class FfiError(Exception):
    """The native library refused a request or is not the one this code knows."""


class FfiDemux:
    """Routes events of the native library to their owners, on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_panic: Callable[[str], None]) -> None:
        if sdk_version != SUPPORTED_SDK:
            raise FfiError(
                f"livekit SDK {sdk_version} is installed, this worker knows {SUPPORTED_SDK}: "
                f"install livekit=={SUPPORTED_SDK}"
            )
        self._loop = loop
        self._on_panic = on_panic
        self._inbox: deque[bytes] = deque()
        self._wake_pending = False
        self._native_threads = threading.local()
        self._streams: dict[int, Callable[[AudioStreamEvent], None]] = {}
        self._rooms: dict[int, Callable[[RoomEvent], None]] = {}
        self._captures: dict[int, Callable[[str], None]] = {}
        self._replies: dict[int, asyncio.Future[FfiEvent]] = {}
        self.native_thread_count = 0
        """Native threads seen so far; each keeps one small Python thread state."""
        self.unrouted = 0
        """Events for objects that are gone already."""
        self._client = sdk.FfiClient.instance
        self._lib = _open_library(self._client)
        self._callback = sdk.ffi_cb_fnc(self._on_native_event)
        # A native thread may still be inside the callback when this object goes: keep it for ever.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._callback))
        self._install(self._callback)

    def close(self) -> None:
        """Give the library back to the SDK's own queue."""
        self._install(sdk.ffi_event_callback)
        self._inbox.clear()

    def _install(self, callback: object) -> None:
        self._client._ffi_lib.livekit_ffi_initialize(  # noqa: SLF001 the SDK has no public seam
            callback,
            False,  # noqa: FBT003 positional C signature; native logs stay out of the hot path
            b"python",
            sdk_version.encode(),
        )

    # --- native threads ---------------------------------------------------------------------

    def _on_native_event(self, data: object, size: int) -> None:
        if not hasattr(self._native_threads, "kept"):
            ctypes.pythonapi.PyGILState_Ensure()
            self._native_threads.kept = True
            self.native_thread_count += 1
        self._inbox.append(ctypes.string_at(data, size))  # type: ignore[arg-type] # a ctypes pointer
        if self._wake_pending:
            return
        self._wake_pending = True
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self._inbox.clear()

    # --- loop thread ------------------------------------------------------------------------

    def _drain(self) -> None:
        # Cleared first: what arrives from here on wakes the loop again, so nothing is stranded.
        self._wake_pending = False
        inbox = self._inbox
        while inbox:
            event = FfiEvent.FromString(inbox.popleft())
            try:
                self._route(event)
            except Exception:  # noqa: BLE001 one call must not harm the others
                _log.exception("handler of a media event failed")

    def _route(self, event: FfiEvent) -> None:
        kind = event.WhichOneof("message")
        if kind == "audio_stream_event":
            stream = self._streams.get(event.audio_stream_event.stream_handle)
            if stream is not None:
                stream(event.audio_stream_event)
                return
        elif kind == "capture_audio_frame":
            async_id = event.capture_audio_frame.async_id
            if async_id >= OWN_ASYNC_IDS:
                self._on_captured(async_id, event.capture_audio_frame.error)
                return
        elif kind == "room_event":
            room = self._rooms.get(event.room_event.room_handle)
            if room is not None:
                room(event.room_event)
                return
        elif kind == "logs":
            _write_logs(event.logs)
            return
        elif kind == "panic":
            self._on_panic(event.panic.message)
            return
        elif kind is not None and self._resolve(getattr(event, kind), event):
            return
        self.unrouted += 1
        self._client.queue.put(event)

    def _on_captured(self, async_id: int, error: str) -> None:
        capture = self._captures.get(async_id)
        if capture is not None:  # a source may close with captures under way
            capture(error)

    def _resolve(self, callback: object, event: FfiEvent) -> bool:
        reply = self._replies.pop(getattr(callback, "async_id", 0), None)
        if reply is None:
            return False
        if not reply.done():
            reply.set_result(event)
        return True

    # --- requests ---------------------------------------------------------------------------

    def request(self, request: FfiRequest) -> FfiResponse:
        """Ask the library; answers at once."""
        try:
            response: FfiResponse = self._client.request(request)
        except AssertionError as error:
            kind = request.WhichOneof("message")
            raise FfiError(f"the native library refused {kind}") from error
        return response

    def expect(self, async_id: int) -> asyncio.Future[FfiEvent]:
        """Future of the event that answers a request; call it before the loop runs again."""
        reply: asyncio.Future[FfiEvent] = self._loop.create_future()
        self._replies[async_id] = reply
        return reply

    def forget(self, async_id: int) -> None:
        """Nobody waits for this answer any more."""
        self._replies.pop(async_id, None)

    def post(self, request: bytes) -> None:
        """Send a ready-made request whose answer carries nothing of interest."""
        answer = ctypes.c_void_p()
        size = ctypes.c_size_t()
        handle = self._lib.livekit_ffi_request(
            request, len(request), ctypes.byref(answer), ctypes.byref(size)
        )
        if handle == sdk.INVALID_HANDLE:
            raise FfiError("the native library refused an audio frame")
        self._lib.livekit_ffi_drop_handle(handle)

    def drop(self, handle: int) -> None:
        """Release a native object."""
        self._lib.livekit_ffi_drop_handle(handle)

    def take_pcm(self, frame: OwnedAudioFrameBuffer) -> bytes:
        """Copy a frame's samples out of native memory and release it."""
        info = frame.info
        pcm = ctypes.string_at(info.data_ptr, info.num_channels * info.samples_per_channel * 2)
        self._lib.livekit_ffi_drop_handle(frame.handle.id)
        return pcm

    # --- owners -----------------------------------------------------------------------------

    def own_stream(self, handle: int, on_event: Callable[[AudioStreamEvent], None]) -> None:
        """Route events of an audio stream; `disown_stream` ends it."""
        self._streams[handle] = on_event

    def disown_stream(self, handle: int) -> None:
        """Events of this stream have no owner any more."""
        self._streams.pop(handle, None)

    def own_room(self, handle: int, on_event: Callable[[RoomEvent], None]) -> None:
        """Route events of a room; `disown_room` ends it."""
        self._rooms[handle] = on_event

    def disown_room(self, handle: int) -> None:
        """Events of this room have no owner any more."""
        self._rooms.pop(handle, None)

    def own_captures(self, async_id: int, on_done: Callable[[str], None]) -> None:
        """Route the answers to captures sent with this id: empty text, or an error."""
        self._captures[async_id] = on_done

    def disown_captures(self, async_id: int) -> None:
        """Answers with this id have no owner any more."""
        self._captures.pop(async_id, None)


def _open_library(client: sdk.FfiClient) -> ctypes.CDLL:
    """The loaded library again, with plain pointer types: no casts on the hot path."""
    lib = ctypes.CDLL(client._ffi_lib._name)  # noqa: SLF001 the path the SDK loaded it from
    lib.livekit_ffi_request.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ctypes.c_size_t),
    ]
    lib.livekit_ffi_request.restype = ctypes.c_uint64
    lib.livekit_ffi_drop_handle.argtypes = [ctypes.c_uint64]
    lib.livekit_ffi_drop_handle.restype = ctypes.c_bool
    return lib


def _write_logs(batch: LogBatch) -> None:
    for record in batch.records:
        level = sdk.to_python_level(record.level)
        if level is not None and level >= logging.WARNING:
            _native_log.log(level, "%s: %s", record.target, record.message)
