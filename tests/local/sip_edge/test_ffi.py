"""What the edge relies on inside the pinned rtc SDK."""

import asyncio

from livekit.rtc import __version__
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


async def test_frames_go_to_their_reader_alone_and_wake_the_loop_once() -> None:
    queue = ffi.RoutedQueue(asyncio.get_running_loop())
    everyone = queue.subscribe()
    seen: list[int] = []
    queue.read_stream(7, lambda event: seen.append(event.stream_handle))
    for handle in (7, 7, 8):
        event = FfiEvent()
        event.audio_stream_event.stream_handle = handle
        await asyncio.to_thread(queue.put, event)
    await asyncio.sleep(0)
    assert seen == [7, 7]
    assert queue.dropped_events == 1
    assert everyone.empty()


async def test_captures_are_counted_and_all_else_goes_the_sdks_way() -> None:
    queue = ffi.RoutedQueue(asyncio.get_running_loop())
    everyone = queue.subscribe()
    failed, room = FfiEvent(), FfiEvent()
    failed.capture_audio_frame.error = "no"
    room.room_event.room_handle = 1
    await asyncio.to_thread(queue.put, failed)
    await asyncio.to_thread(queue.put, room)
    assert (await everyone.get()).room_event.room_handle == 1
    assert queue.failed_captures == 1
