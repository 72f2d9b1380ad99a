"""What the edge relies on inside the pinned rtc SDK."""

import asyncio
import ctypes

from livekit.rtc import __version__
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest, FfiResponse

from switchboard_local.sip_edge import ffi


def test_the_sdk_is_the_one_this_was_written_for() -> None:
    assert __version__ == "1.2.0"


def test_a_join_is_tried_once_and_other_requests_are_left_alone() -> None:
    asked: list[FfiRequest] = []

    def ask(message: FfiRequest) -> FfiResponse:
        asked.append(message)
        return FfiResponse()

    asking = ffi.joining_once(ask)
    join, other = FfiRequest(), FfiRequest()
    join.connect.url = "ws://x"
    other.disconnect.room_handle = 1
    asking(join)
    asking(other)
    assert asked[0].connect.options.HasField("join_retries")
    assert asked[0].connect.options.join_retries == 0
    assert not asked[1].HasField("connect")


async def _taken(router: ffi.FrameRouter, event: FfiEvent) -> None:
    """Hand over an event as a native thread does."""
    data = event.SerializeToString()
    place = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    await asyncio.to_thread(
        router.take, ctypes.cast(place, ctypes.POINTER(ctypes.c_uint8)), len(data)
    )


async def test_frames_go_to_their_reader_alone() -> None:
    router = ffi.FrameRouter(asyncio.get_running_loop())
    everyone = FfiClient.instance.queue.subscribe()
    seen: list[int] = []
    router.read_stream(7, lambda event: seen.append(event.stream_handle))
    for handle in (7, 7, 8):
        event = FfiEvent()
        event.audio_stream_event.stream_handle = handle
        await _taken(router, event)
    await asyncio.sleep(0)
    assert seen == [7, 7]
    assert everyone.empty()
    FfiClient.instance.queue.unsubscribe(everyone)


async def test_captures_are_forgotten_and_all_else_goes_the_sdks_way() -> None:
    router = ffi.FrameRouter(asyncio.get_running_loop())
    everyone = FfiClient.instance.queue.subscribe()
    captured, room = FfiEvent(), FfiEvent()
    captured.capture_audio_frame.async_id = 1
    room.room_event.room_handle = 1
    await _taken(router, captured)
    await _taken(router, room)
    assert (await everyone.get()).room_event.room_handle == 1
    assert everyone.empty()
    FfiClient.instance.queue.unsubscribe(everyone)
